/** W12: what is downloaded is known by its hash before it is used. */
import type { Problem } from '../model.ts';
import { type Found, type Rule, scriptsOf, textLine } from '../rule.ts';
import { type Command, commandsOf } from '../shell.ts';

export const w12: Rule = (file) => [
  ...scriptsOf(file).flatMap(({ job, script }) => {
    const commands = commandsOf(script);
    const checks = commands.some(
      (c) => /^sha(256|512)sum$/.test(c[0] ?? '') && c.some((w) => /^(-c|--check)$/.test(w)),
    );
    return commands.flatMap((command): Found[] => {
      const message = unhashed(command, checks);
      return message === undefined
        ? []
        : [
            {
              rule: 'W12',
              line: textLine(file, command[0] ?? ''),
              message: `job ${job}: ${command.join(' ')}: ${message}`,
            },
          ];
    });
  }),
  ...file.uses
    .filter(({ value }) => value.startsWith('docker://') && !value.includes('@sha256:'))
    .map(({ value, line }) => ({ rule: 'W12', line, message: `${value}: an image without a digest` })),
];

function unhashed(command: Command, checks: boolean): string | undefined {
  const words = command.map((word) => word.replace(/^["']|["']$/g, ''));
  const has = (...names: string[]): boolean => names.some((name) => words.includes(name));
  const [program = '', verb = ''] = words.filter((word) => !word.startsWith('-'));
  if ((/^pip3?$/.test(program) || (/^python/.test(program) && verb === 'pip')) && has('install', 'download'))
    return has('--require-hashes', '--no-index') ? undefined : 'pip without --require-hashes';
  if (program === 'npm' && /^(install|i|add|update|exec)$/.test(verb)) return 'npm other than npm ci ignores the lock';
  if (/^(npx|pipx|uvx)$/.test(program))
    return has('--no-install', '--no') ? undefined : 'fetches a program without a hash';
  if (/^(curl|wget)$/.test(program)) return checks ? undefined : 'no sha256sum --check follows in this step';
  if (program === 'go' && verb === 'install' && words.some((word) => /@(latest|master|main)$/.test(word)))
    return 'a version that moves';
  if (/^(docker|podman)$/.test(program) && /^(run|pull)$/.test(verb))
    return words.some((word) => /@sha256:[0-9a-f]{64}$/.test(word)) ? undefined : 'an image without a digest';
  return undefined;
}

/** Each base image of a Dockerfile has a digest; stages of the file itself and `scratch` need none. */
export function checkDockerfile(name: string, text: string): Problem[] {
  const args = new Map<string, string>();
  const stages = new Set(['scratch']);
  return text.split('\n').flatMap((line, i) => {
    const arg = /^\s*ARG\s+(\w+)=(\S+)/i.exec(line);
    if (arg?.[1] !== undefined && arg[2] !== undefined) args.set(arg[1], arg[2]);
    const from = /^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?/i.exec(line);
    if (from?.[1] === undefined) return [];
    const image = from[1].replace(/\$\{?(\w+)\}?/g, (all, arg: string) => args.get(arg) ?? all);
    const known = stages.has(image.toLowerCase()) || /@sha256:[0-9a-f]{64}$/.test(image);
    if (from[2] !== undefined) stages.add(from[2].toLowerCase());
    return known
      ? []
      : [{ rule: 'W12', file: name, line: i + 1, message: `FROM ${image}: a base image without a digest` }];
  });
}

/** Each package of an npm lock that comes from elsewhere has its hash; one inside of another's archive is covered by that. */
export function checkNpmLock(name: string, text: string): Problem[] {
  const lock = JSON.parse(text) as {
    packages?: Record<string, { resolved?: string; integrity?: string; inBundle?: boolean; link?: boolean }>;
  };
  return Object.entries(lock.packages ?? {})
    .filter(([path, entry]) => path.includes('node_modules/') && !entry.link && !entry.inBundle && !entry.integrity)
    .map(([path]) => ({ rule: 'W12', file: name, line: 1, message: `${path} has no integrity` }));
}

/** Each pin of a pip requirements file has at least one hash. */
export function checkRequirements(name: string, text: string): Problem[] {
  return text
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => /^\s*[A-Za-z0-9]/.test(line) && !line.includes('--hash=sha256:'))
    .map((line) => ({ rule: 'W12', file: name, line: 1, message: `${line.trim()} has no hash` }));
}
