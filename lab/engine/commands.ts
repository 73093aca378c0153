/**
 * The commands of the stand-in. It answers exactly the argument lists that build-image composes: build, push, manifest
 * push, manifest rm, rmi; anything else ends with 125. RUN is recorded in the history and not executed.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MEDIA_TYPES, sha256 } from '../../src/oci/index.ts';
import { buildImage } from './dockerfile.ts';
import { push, pushList } from './push.ts';

export interface Standin {
  /** Folder for the images built. */
  store: string;
  print(line: string): void;
  complain(line: string): void;
}

interface Parsed {
  values: Map<string, string[]>;
  words: string[];
}

const BUILD_VALUES = ['isolation', 'format', 'ignorefile', 'authfile', 'iidfile', 'manifest', 'platform', 'target'];
const BUILD_MORE = ['build-arg', 'label', 'annotation', 'secret', 'ssh', 'build-context', 'tag', 'file', 'timestamp'];
// `--force-rm` is how it is anyway: nothing of a failed build is left here.
const BUILD_BARE = [
  '--force-rm',
  '--layers',
  '--layers=false',
  '--no-cache',
  '--identity-label=false',
  '--tls-verify=false',
];

/** @returns the exit code */
export async function runBuildah([command = '', ...args]: readonly string[], standin: Standin): Promise<number> {
  const unknown = (): number => {
    standin.complain(`Error: the stand-in for buildah does not know: ${[command, ...args].join(' ')}`);
    return 125;
  };
  try {
    if (command === 'build') return (await build(args, standin)) ?? unknown();
    if (command === 'push') return (await pushImage(args, standin, push)) ?? unknown();
    if (command === 'manifest' && args[0] === 'push' && args[1] === '--all') {
      return (await pushImage(args.slice(2), standin, pushList)) ?? unknown();
    }
    const [last = ''] = args.slice(-1);
    if ((command === 'rmi' && args.length === 1) || (command === 'manifest' && args[0] === 'rm' && args.length === 2)) {
      await rm(join(standin.store, `tag-${encodeURIComponent(last)}`), { force: true });
      return 0;
    }
    return unknown();
  } catch (error) {
    standin.complain(`Error: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

/** `--name value` and `--name=value`, for the named options alone. @returns undefined for any other option */
function parse(args: readonly string[], withValue: readonly string[], bare: readonly string[]): Parsed | undefined {
  const parsed: Parsed = { values: new Map(), words: [] };
  for (let i = 0; i < args.length; i += 1) {
    const arg = args[i] ?? '';
    if (!arg.startsWith('--')) parsed.words.push(arg);
    else if (bare.includes(arg)) parsed.values.set(arg, ['']);
    else if (withValue.includes(arg.slice(2)) && i + 1 < args.length) {
      parsed.values.set(arg, [...(parsed.values.get(arg) ?? []), args[i + 1] ?? '']);
      i += 1;
    } else return undefined;
  }
  return parsed;
}

const one = (p: Parsed, name: string): string => p.values.get(name)?.at(-1) ?? '';
const pairs = (p: Parsed, name: string): [string, string][] =>
  (p.values.get(name) ?? []).map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]);

async function build(args: readonly string[], { store, print }: Standin): Promise<number | undefined> {
  const p = parse(args, [...BUILD_VALUES, ...BUILD_MORE], BUILD_BARE);
  const [context] = p?.words ?? [];
  if (p === undefined || context === undefined || p.words.length !== 1) return undefined;
  const epoch = one(p, '--timestamp');
  const options = {
    store,
    context,
    dockerfile: await readFile(one(p, '--file'), 'utf8'),
    ignore: await readFile(one(p, '--ignorefile'), 'utf8'),
    target: one(p, '--target'),
    args: new Map(pairs(p, '--build-arg')),
    contexts: new Map(pairs(p, '--build-context')),
    labels: pairs(p, '--label'),
    annotations: pairs(p, '--annotation'),
    created: epoch === '' ? new Date() : new Date(Number(epoch) * 1000),
    print,
  };
  const list = one(p, '--manifest');
  const ids: string[] = [];
  for (const platform of one(p, '--platform').split(',')) ids.push(await buildImage({ ...options, platform }));
  if (list !== '') {
    await writeFile(join(store, `tag-${encodeURIComponent(list)}`), await indexOf(ids, one(p, '--platform'), store));
    return 0;
  }
  for (const tag of p.values.get('--tag') ?? []) {
    await writeFile(join(store, `tag-${encodeURIComponent(tag)}`), ids[0] ?? '');
  }
  await writeFile(one(p, '--iidfile'), `sha256:${ids[0]}`);
  return 0;
}

async function indexOf(ids: readonly string[], platforms: string, store: string): Promise<string> {
  const manifests = await Promise.all(
    ids.map(async (id, i) => {
      const bytes = await readFile(join(store, `manifest-${id}`));
      const [os, architecture, variant] = (platforms.split(',')[i] ?? '').split('/');
      return {
        mediaType: MEDIA_TYPES.ociManifest,
        digest: sha256(bytes),
        size: bytes.length,
        platform: { os, architecture, ...(variant === undefined ? {} : { variant }) },
        // Not of the format: where the stand-in keeps the child. Taken out before the push.
        id,
      };
    }),
  );
  return JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests });
}

async function pushImage(args: readonly string[], { store }: Standin, send: typeof push): Promise<number | undefined> {
  const p = parse(args, ['authfile', 'format', 'digestfile'], ['--tls-verify=false']);
  const [id, target] = p?.words ?? [];
  if (p === undefined || id === undefined || !target?.startsWith('docker://')) return undefined;
  const auth = await readFile(one(p, '--authfile'), 'utf8');
  await writeFile(one(p, '--digestfile'), await send(store, id, target.slice('docker://'.length), auth));
  return 0;
}
