/**
 * A `buildah` for tests without an engine. It answers exactly the argument lists that build-image composes: version,
 * info, build, push, rmi (the first two by the script of install.ts); anything else ends with 125. RUN is recorded in the history and not executed.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildImage } from './dockerfile.ts';
import { push } from './push.ts';

const store = process.env.ENGINE_STANDIN_STORE ?? '';

interface Parsed {
  values: Map<string, string[]>;
  words: string[];
}

/** `--name value` and `--name=value`, for the named options alone. @returns undefined for any other option */
function parse(args: readonly string[], withValue: readonly string[], bare: readonly string[]): Parsed | undefined {
  const parsed: Parsed = { values: new Map(), words: [] };
  for (let i = 0; i < args.length; i += 1) {
    const arg = args[i] ?? '';
    if (!arg.startsWith('--')) parsed.words.push(arg);
    else if (bare.includes(arg)) parsed.values.set(arg, ['']);
    else if (withValue.includes(arg) && i + 1 < args.length) {
      parsed.values.set(arg, [...(parsed.values.get(arg) ?? []), args[i + 1] ?? '']);
      i += 1;
    } else return undefined;
  }
  return parsed;
}

const one = (p: Parsed, name: string): string => p.values.get(name)?.at(-1) ?? '';
const pairs = (p: Parsed, name: string): [string, string][] =>
  (p.values.get(name) ?? []).map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]);

async function build(args: readonly string[]): Promise<number> {
  const p = parse(
    args,
    [
      '--isolation',
      '--format',
      '--ignorefile',
      '--authfile',
      '--iidfile',
      '--platform',
      '--target',
      '--build-arg',
      '--label',
      '--annotation',
      '--secret',
      '--tag',
      '--file',
    ],
    ['--layers', '--no-cache', '--identity-label=false', '--tls-verify=false'],
  );
  const [context] = p?.words ?? [];
  if (p === undefined || context === undefined || p.words.length !== 1) return unknown(args);
  const id = await buildImage({
    store,
    context,
    dockerfile: await readFile(one(p, '--file'), 'utf8'),
    ignore: await readFile(one(p, '--ignorefile'), 'utf8'),
    platform: one(p, '--platform'),
    target: one(p, '--target'),
    args: new Map(pairs(p, '--build-arg')),
    labels: pairs(p, '--label'),
    annotations: pairs(p, '--annotation'),
    insecure: p.values.has('--tls-verify=false'),
    print: (line) => void process.stdout.write(`${line}\n`),
  });
  for (const tag of p.values.get('--tag') ?? []) await writeFile(join(store, `tag-${encodeURIComponent(tag)}`), id);
  await writeFile(one(p, '--iidfile'), `sha256:${id}`);
  return 0;
}

async function pushImage(args: readonly string[]): Promise<number> {
  const p = parse(args, ['--authfile', '--format', '--digestfile'], ['--tls-verify=false']);
  const [id, target] = p?.words ?? [];
  if (p === undefined || id === undefined || !target?.startsWith('docker://')) return unknown(args);
  const auth = await readFile(one(p, '--authfile'), 'utf8');
  const digest = await push(store, id, target.slice('docker://'.length), auth);
  await writeFile(one(p, '--digestfile'), digest);
  return 0;
}

async function main([command = '', ...args]: readonly string[]): Promise<number> {
  if (command === 'build') return build(args);
  if (command === 'push') return pushImage(args);
  if (command === 'rmi' && args.length === 1) {
    await rm(join(store, `tag-${encodeURIComponent(args[0] ?? '')}`), { force: true });
    return 0;
  }
  return unknown([command, ...args]);
}

function unknown(args: readonly string[]): number {
  process.stderr.write(`Error: the stand-in for buildah does not know: ${args.join(' ')}\n`);
  return 125;
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`Error: ${error instanceof Error ? error.message : String(error)}\n`);
  return 1;
});
