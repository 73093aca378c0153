/** What a program that executes Dockerfiles must offer. */
import type { Digest } from '../../oci/index.ts';
import type { ExecOptions, ExecResult, WarningCode } from '../../runner/index.ts';

type Pairs = readonly (readonly [string, string])[];

export interface BuildRequest {
  /** Private copy, bases pinned. */
  dockerfile: string;
  /** Private copy of the ignore file. */
  ignoreFile: string;
  context: string;
  /** `name -> folder or docker-image://name@digest`. */
  contexts: Pairs;
  platforms: readonly string[];
  target: string;
  args: Pairs;
  labels: Pairs;
  annotations: Pairs;
  secrets: readonly { id: string; file: string }[];
  ssh: readonly { id: string; socket: string | undefined }[];
  /** Flags to hand through, without their dashes. */
  options: Pairs;
  noCache: boolean;
  cacheFrom: readonly string[];
  cacheTo: readonly string[];
  provenance: 'none' | 'min' | 'max';
  sbom: boolean;
  /** Unix seconds for every time in the image; undefined: as the engine does it. */
  epoch: number | undefined;
  /** Primary image, without a tag. */
  image: string;
  /** `image:tag` to push, and to take away again from the local store; undefined: load only. */
  stage: string | undefined;
  /** `image:tag` names for the local store, without a push. */
  load: readonly string[];
  /** Spoken to without TLS, or with a certificate that nobody checks: the registry of the push; any that a build reads. */
  insecure: { push: boolean; build: boolean };
  authFile: string;
  /** Folder for what the engine writes. */
  out: string;
}

/** Runs the engine's program with the environment meant for it; its output goes to the log. */
export type RunEngine = (file: string, args: readonly string[], options?: ExecOptions) => Promise<ExecResult>;

/** A question that changes nothing. @returns the answer, or why there is none in words */
export type Ask = (file: string, args: readonly string[]) => Promise<ExecResult | string>;

export type CacheKind = 'gha' | 'registry';

export interface Capabilities {
  /** Several platforms in one build. */
  platforms: boolean;
  secrets: boolean;
  ssh: boolean;
  contexts: boolean;
  heredocs: boolean;
  link: boolean;
  mounts: boolean;
  /** Reads an ignore file other than the context's own. */
  privateIgnoreFile: boolean;
  /** Where it can export its cache to. */
  cache: readonly CacheKind[];
  attestations: boolean;
  reproducible: boolean;
  /** Names of flags that it takes of those that may be handed through. */
  options: readonly string[];
}

/** Something worth a warning in a build that went well. `line` is of the Dockerfile. */
export interface Note {
  code: WarningCode;
  text: string;
  line?: number;
}

export interface EngineResult {
  /** What was pushed; undefined without a push. */
  digest: Digest | undefined;
  /** The staging tag was pushed too, not the digest alone. */
  tagged: boolean;
  notes: readonly Note[];
}

export interface Engine {
  /** `buildah 1.28.2`, for outputs and messages. */
  readonly name: string;
  readonly caps: Capabilities;
  /** Known holes of this version, in words; undefined: none. */
  readonly old?: string | undefined;
  /** @throws EngineFailure, EngineOutputMissing */
  build(request: BuildRequest, run: RunEngine): Promise<EngineResult>;
  /** ID of an image that a build can start from without any registry. Absent: its builds see no local images. */
  localImage?(name: string, ask: Ask): Promise<Digest | undefined>;
  /** Takes away what the engine itself needed, such as a builder of this run. Never throws. */
  close?(): Promise<void>;
}

/** A step of the engine that did not end well. */
export class EngineFailure extends Error {
  override readonly name = 'EngineFailure';
  readonly step: 'build' | 'push';
  readonly result: ExecResult;

  constructor(step: 'build' | 'push', result: ExecResult) {
    super(`${step}: exit ${result.code ?? result.signal}`);
    this.step = step;
    this.result = result;
  }
}

/** Only exit code 0 is success: a killed child has none. */
export function mustSucceed(step: 'build' | 'push', result: ExecResult): ExecResult {
  if (result.code !== 0) throw new EngineFailure(step, result);
  return result;
}

/** Exit 0 without the proof of what was pushed. */
export class EngineOutputMissing extends Error {
  override readonly name = 'EngineOutputMissing';
}

export function flags(name: string, pairs: Pairs): string[] {
  return pairs.flatMap(([key, value]) => [name, `${key}=${value}`]);
}

/** The flags that docker, buildx and buildah spell alike. */
export function commonFlags(r: BuildRequest): string[] {
  return [
    ...(r.target === '' ? [] : ['--target', r.target]),
    ...flags('--build-arg', r.args),
    ...flags('--label', r.labels),
    ...flags('--build-context', r.contexts),
    ...r.secrets.flatMap(({ id, file }) => ['--secret', `id=${id},src=${file}`]),
    ...r.ssh.flatMap(({ id, socket }) => ['--ssh', socket === undefined ? id : `${id}=${socket}`]),
    ...r.options.flatMap(([name, value]) => [`--${name}`, value]),
    ...r.cacheFrom.flatMap((from) => ['--cache-from', from]),
    ...r.cacheTo.flatMap((to) => ['--cache-to', to]),
  ];
}
