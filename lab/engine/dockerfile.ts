/** Executes a Dockerfile: FROM, ARG, ENV, COPY, WORKDIR, USER, LABEL, EXPOSE, ENTRYPOINT, CMD for real; RUN is recorded. */
import { lstat, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { type Copy, DockerfileParser, type From, type Instruction, type JSONInstruction } from 'dockerfile-ast';
import { expand } from '../../src/build-image/expand.ts';
import { compileIgnore, type Ignore } from '../../src/build-image/ignore.ts';
import { type Descriptor, MEDIA_TYPES, parseRef, sha256 } from '../../src/oci/index.ts';
import { withRegistry } from './push.ts';
import { type TarEntry, writeTar } from './tar.ts';

export interface BuildOptions {
  store: string;
  context: string;
  dockerfile: string;
  ignore: string;
  platform: string;
  target: string;
  args: ReadonlyMap<string, string>;
  labels: readonly [string, string][];
  annotations: readonly [string, string][];
  /** Named contexts: a folder, or docker-image://name@digest. */
  contexts: ReadonlyMap<string, string>;
  created: Date;
  print(line: string): void;
}

interface Config {
  User?: string;
  Env?: string[];
  Entrypoint?: string[];
  Cmd?: string[];
  WorkingDir?: string;
  Labels?: Record<string, string>;
  ExposedPorts?: Record<string, object>;
}

interface Stage {
  name: string;
  base: { layers: Descriptor[]; diffIds: string[] };
  /** What this stage has added, by path. */
  files: Map<string, TarEntry>;
  config: Config;
  history: { created_by: string; empty_layer: boolean }[];
  variables: Map<string, string>;
}

const NOTHING = compileIgnore('');
const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar';
const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json';

/** @returns the image ID: digest of the config without its prefix */
export async function buildImage(options: BuildOptions): Promise<string> {
  const parsed = DockerfileParser.parse(options.dockerfile);
  const ignore = compileIgnore(options.ignore);
  const [os = '', architecture = ''] = options.platform.split('/');
  const globals = new Map<string, string>([
    ['TARGETPLATFORM', options.platform],
    ['TARGETOS', os],
    ['TARGETARCH', architecture],
  ]);
  const stages: Stage[] = [];
  for (const instruction of parsed.getInstructions()) {
    const keyword = instruction.getKeyword();
    options.print(`STEP: ${keyword} ${instruction.getArgumentsContent() ?? ''}`);
    const stage = stages.at(-1);
    if (keyword === 'FROM') {
      const from = instruction as From;
      if (stage !== undefined && options.target !== '' && stage.name === options.target) break;
      stages.push(await openStage(from, stages, globals, options));
    } else if (keyword === 'ARG') {
      declareArg(instruction, stage?.variables ?? globals, options.args, globals);
    } else if (stage !== undefined) await execute(instruction, keyword, stage, stages, ignore, options);
  }
  const last = stages.at(-1);
  if (last === undefined) throw new Error('no FROM');
  return commit(last, options);
}

async function openStage(
  from: From,
  stages: readonly Stage[],
  globals: ReadonlyMap<string, string>,
  o: BuildOptions,
): Promise<Stage> {
  const image = expand(from.getImage() ?? '', globals) ?? '';
  const name = from.getBuildStage() ?? '';
  const parent = stages.findLast((s) => s.name !== '' && s.name === image);
  if (parent !== undefined) {
    const { base, files, config, history, variables } = parent;
    return {
      name,
      base,
      files: new Map(files),
      config: structuredClone(config),
      history: [...history],
      variables: new Map(variables),
    };
  }
  const empty: Stage = {
    name,
    base: { layers: [], diffIds: [] },
    files: new Map(),
    config: {},
    history: [],
    variables: new Map(),
  };
  if (image === 'scratch') return empty;
  const ref = parseRef(o.contexts.get(image)?.replace(/^docker-image:\/\//, '') ?? image);
  if (ref === undefined) throw new Error(`no image reference: ${image}`);
  return withRegistry(ref.host, '', async (registry) => {
    const manifest = await registry.getManifest(ref.repository, ref.digest ?? ref.tag ?? 'latest');
    if (manifest?.kind !== 'manifest') throw new Error(`${image}: not found, or not a single image`);
    const bytes = await registry.blobBytes(ref.repository, manifest.config, 1 << 23);
    const config = JSON.parse(bytes.toString('utf8')) as { config?: Config; rootfs?: { diff_ids?: string[] } };
    for (const layer of manifest.layers) {
      await writeFile(join(o.store, layer.digest), await registry.blobBytes(ref.repository, layer, 1 << 30));
    }
    const base = { layers: manifest.layers, diffIds: config.rootfs?.diff_ids ?? [] };
    const variables = new Map((config.config?.Env ?? []).map((e): [string, string] => split(e)));
    return { ...empty, base, config: structuredClone(config.config ?? {}), variables };
  });
}

function split(text: string): [string, string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function declareArg(
  instruction: Instruction,
  scope: Map<string, string>,
  given: ReadonlyMap<string, string>,
  globals: ReadonlyMap<string, string>,
): void {
  const [name, fallback] = split(instruction.getArgumentsContent() ?? '');
  const value = given.get(name) ?? (fallback === '' ? globals.get(name) : unquote(expand(fallback, scope) ?? fallback));
  if (value !== undefined) scope.set(name, value);
}

function unquote(text: string): string {
  return /^(["'])(.*)\1$/s.exec(text)?.[2] ?? text;
}

function substitute(text: string, stage: Stage): string {
  return text === '' || !text.includes('$') ? unquote(text) : (expand(text, stage.variables) ?? '');
}

async function execute(
  instruction: Instruction,
  keyword: string,
  stage: Stage,
  stages: readonly Stage[],
  ignore: Ignore,
  o: BuildOptions,
): Promise<void> {
  const { config } = stage;
  const words = instruction.getArguments().map((a) => substitute(a.getValue(), stage));
  const pairs = (): [string, string][] =>
    instruction.getArguments().map((a) => {
      const [key, value] = split(a.getValue());
      return [unquote(key), substitute(value, stage)];
    });
  stage.history.push({ created_by: instruction.toString(), empty_layer: keyword !== 'COPY' });
  switch (keyword) {
    case 'ENV':
      for (const [key, value] of pairs()) stage.variables.set(key, value);
      config.Env = [
        ...(config.Env ?? []).filter((e) => !pairs().some(([k]) => e.startsWith(`${k}=`))),
        ...pairs().map(([k, v]) => `${k}=${v}`),
      ];
      return;
    case 'LABEL':
      config.Labels = { ...config.Labels, ...Object.fromEntries(pairs()) };
      return;
    case 'WORKDIR':
      config.WorkingDir = posix.resolve(config.WorkingDir ?? '/', words[0] ?? '/');
      return;
    case 'USER':
      config.User = words[0] ?? '';
      return;
    case 'EXPOSE':
      for (const port of words)
        config.ExposedPorts = { ...config.ExposedPorts, [port.includes('/') ? port : `${port}/tcp`]: {} };
      return;
    case 'ENTRYPOINT':
      config.Entrypoint = command(instruction as JSONInstruction);
      return;
    case 'CMD':
      config.Cmd = command(instruction as JSONInstruction);
      return;
    case 'COPY':
      return copy(instruction as Copy, words, stage, stages, ignore, o);
    case 'RUN':
      return;
    default:
      throw new Error(`the stand-in does not know the instruction ${keyword}`);
  }
}

function command(instruction: JSONInstruction): string[] {
  const json = instruction.getJSONStrings().map((s) => s.getJSONValue());
  return json.length > 0 ? json : ['/bin/sh', '-c', instruction.getArgumentsContent() ?? ''];
}

async function copy(
  instruction: Copy,
  words: readonly string[],
  stage: Stage,
  stages: readonly Stage[],
  ignore: Ignore,
  o: BuildOptions,
): Promise<void> {
  const from = instruction.getFromFlag()?.getValue();
  const sources = words.slice(0, -1);
  const to = words.at(-1) ?? '';
  const target = posix.resolve(stage.config.WorkingDir ?? '/', to).slice(1);
  const other = from === undefined ? undefined : stages.find((s, i) => s.name === from || String(i) === from);
  const folder = from === undefined || from === null ? o.context : o.contexts.get(from);
  if (other === undefined && folder === undefined) throw new Error(`COPY --from=${from}: no such stage`);
  for (const source of sources) {
    const root = posix.resolve('/', source).slice(1);
    const found =
      other !== undefined
        ? [...other.files.values()]
        : await fromContext(folder ?? '', root, folder === o.context ? ignore : NOTHING);
    const below = found.filter((e) => root === '' || e.path === root || e.path.startsWith(`${root}/`));
    if (below.length === 0) throw new Error(`COPY ${source}: no such file`);
    const isFolder = root === '' || below.some((e) => e.path === root && e.type === 'directory');
    const into =
      isFolder || !(to.endsWith('/') || sources.length > 1) ? target : posix.join(target, posix.basename(root));
    for (const entry of below) {
      const rest = entry.path.slice(root.length).replace(/^\//, '');
      addFile(stage, { ...entry, path: [into, rest].filter((p) => p !== '').join('/') });
    }
  }
}

function addFile(stage: Stage, entry: TarEntry): void {
  if (entry.path === '') return;
  const parts = entry.path.split('/');
  for (let i = 1; i < parts.length; i += 1) {
    const path = parts.slice(0, i).join('/');
    if (!stage.files.has(path)) stage.files.set(path, { path, type: 'directory', mode: 0o755, data: Buffer.alloc(0) });
  }
  stage.files.set(entry.path, entry);
}

async function fromContext(root: string, start: string, ignore: Ignore): Promise<TarEntry[]> {
  const entries: TarEntry[] = [];
  const visit = async (path: string): Promise<void> => {
    const full = join(root, path);
    const stat = await lstat(full);
    const kept = path === '' || !ignore.excludes(path);
    if (stat.isDirectory()) {
      if (kept && path !== '')
        entries.push({ path, type: 'directory', mode: stat.mode & 0o7777, data: Buffer.alloc(0) });
      if (!kept && !ignore.reincludes) return;
      for (const name of (await readdir(full)).sort()) await visit(path === '' ? name : `${path}/${name}`);
    } else if (kept && stat.isSymbolicLink()) {
      entries.push({ path, type: 'link', mode: 0o777, data: Buffer.from(await readlink(full)) });
    } else if (kept) entries.push({ path, type: 'file', mode: stat.mode & 0o7777, data: await readFile(full) });
  };
  await visit(start);
  return entries;
}

async function commit(stage: Stage, o: BuildOptions): Promise<string> {
  const put = async (bytes: Buffer, mediaType: string): Promise<Descriptor> => {
    const descriptor = { mediaType, digest: sha256(bytes), size: bytes.length };
    await writeFile(join(o.store, descriptor.digest), bytes);
    return descriptor;
  };
  const own =
    stage.files.size === 0
      ? []
      : [await put(writeTar([...stage.files.values()].sort((a, b) => (a.path < b.path ? -1 : 1))), LAYER_TYPE)];
  const [os = '', architecture = '', variant] = o.platform.split('/');
  const config = {
    created: o.created.toISOString(),
    os,
    architecture,
    ...(variant === undefined ? {} : { variant }),
    config: { ...stage.config, Labels: { ...stage.config.Labels, ...Object.fromEntries(o.labels) } },
    rootfs: { type: 'layers', diff_ids: [...stage.base.diffIds, ...own.map((l) => l.digest)] },
    history: stage.history,
  };
  const stored = await put(Buffer.from(JSON.stringify(config)), CONFIG_TYPE);
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: stored,
    layers: [...stage.base.layers, ...own],
    ...(o.annotations.length === 0 ? {} : { annotations: Object.fromEntries(o.annotations) }),
  };
  const id = stored.digest.slice('sha256:'.length);
  await writeFile(join(o.store, `manifest-${id}`), JSON.stringify(manifest));
  return id;
}
