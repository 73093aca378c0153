/** Executes a Dockerfile: FROM, ARG, ENV, COPY, WORKDIR, USER, LABEL, EXPOSE, ENTRYPOINT, CMD for real; RUN is recorded. */
import { writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { type Copy, DockerfileParser, type From, type Instruction, type JSONInstruction } from 'dockerfile-ast';
import { expand } from '../../src/build-image/expand.ts';
import { compileIgnore, type Ignore } from '../../src/build-image/ignore.ts';
import { type Descriptor, MEDIA_TYPES, sha256 } from '../../src/oci/index.ts';
import { copy } from './copy.ts';
import { type BuildOptions, openStage, type Stage, split } from './stage.ts';
import { writeTar } from './tar.ts';

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
