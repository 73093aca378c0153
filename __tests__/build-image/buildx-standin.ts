/** buildx as a function: answers the questions of detection, and builds with the stand-in for buildah. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runBuildah } from '../../lab/engine/commands.ts';
import type { Exec, ExecResult } from '../../src/runner/index.ts';
import { ended, type Inside } from './inprocess.ts';

export interface BuildxOptions {
  version?: string;
  driver?: string;
  buildKit?: string;
  /** false: the builder does not run. */
  running?: boolean;
  /** The docker daemon answers. */
  daemon?: boolean;
  containerdStore?: boolean;
  /** Printed at the end of a build. */
  says?: string;
  /** Written in place of the real metadata. */
  metadata?: string;
  /** Exit code of `create`. */
  create?: number;
}

/** Puts `docker` with its plugin in place. @returns the environments that builds were given */
export function installBuildx(i: Inside, options: BuildxOptions = {}): Record<string, string | undefined>[] {
  const environments: Record<string, string | undefined>[] = [];
  let driver = options.driver ?? 'docker-container';
  const docker: Exec = async (_file, args, o) => {
    if (args[0] === 'version') return options.daemon ? ended(0, '28.2.2 28.2.2\n') : ended(1, '', 'no daemon');
    if (args[0] === 'info') {
      const type = options.containerdStore ? 'io.containerd.snapshotter.v1' : 'overlay2';
      return ended(0, JSON.stringify([['driver-type', type]]));
    }
    if (args[0] === 'rmi') return ended(0);
    if (args[0] !== 'buildx') return ended(125, '', `unknown command ${args.join(' ')}`);
    const [verb, ...rest] = args.slice(1);
    if (verb === 'version') return ended(0, `github.com/docker/buildx ${options.version ?? 'v0.19.3'} abc\n`);
    if (verb === 'create') {
      driver = rest[rest.indexOf('--driver') + 1] ?? '';
      return ended(options.create ?? 0, '', 'cannot create');
    }
    if (verb === 'rm') return ended(0);
    if (verb === 'inspect') {
      const status = options.running === false ? 'inactive' : 'running';
      const kit = options.buildKit ?? 'v0.28.1';
      return ended(
        0,
        `Name:   b\nDriver: ${driver}\n\nNodes:\nStatus:           ${status}\nBuildKit version: ${kit}\n`,
      );
    }
    if (verb !== 'build') return ended(125, '', 'unknown');
    environments.push({ ...o?.env });
    return build(rest, options);
  };
  i.programs.set('docker', docker);
  return environments;
}

async function build(args: readonly string[], options: BuildxOptions): Promise<ExecResult> {
  const store = await mkdtemp(join(tmpdir(), 'buildx-standin-'));
  try {
    const value = (name: string): string => args[args.indexOf(name) + 1] ?? '';
    const dockerfile = value('--file');
    const platforms = value('--platform');
    const output = value('--output');
    const name = /"name=([^"]+)"/.exec(output)?.[1];
    const kept: string[] = [];
    for (const [at, arg] of args.entries()) {
      if (['--build-arg', '--label', '--target', '--build-context'].includes(arg)) kept.push(arg, args[at + 1] ?? '');
    }
    const lines: string[] = [];
    const standin = { store, print: (l: string) => void lines.push(l), complain: (l: string) => void lines.push(l) };
    await writeFile(join(store, 'auth'), '{}');
    const tag = name?.includes(':', name.indexOf('/')) ? name : `${name ?? 'local/x'}:buildx-standin`;
    const many = platforms.includes(',');
    const code = await runBuildah(
      [
        'build',
        '--ignorefile',
        `${dockerfile}.dockerignore`,
        ...(many ? ['--manifest', tag] : ['--iidfile', join(store, 'iid')]),
        '--platform',
        platforms,
        ...kept,
        '--file',
        dockerfile,
        args.at(-1) ?? '',
      ],
      standin,
    );
    if (code !== 0 || name === undefined) return ended(code, '', lines.join('\n'));
    const from = many ? tag : (await readFile(join(store, 'iid'), 'utf8')).replace('sha256:', '');
    const push = [...(many ? ['manifest', 'push', '--all'] : ['push']), '--authfile', join(store, 'auth')];
    const digestFile = join(store, 'digest');
    const pushed = await runBuildah([...push, '--digestfile', digestFile, from, `docker://${tag}`], standin);
    if (pushed !== 0) return ended(pushed, '', lines.join('\n'));
    const digest = await readFile(digestFile, 'utf8');
    const metadata = { 'containerimage.digest': digest, 'containerimage.config.digest': `sha256:${'c'.repeat(64)}` };
    await writeFile(value('--metadata-file'), options.metadata ?? JSON.stringify(metadata));
    return ended(0, '', options.says ?? '');
  } finally {
    await rm(store, { recursive: true, force: true });
  }
}
