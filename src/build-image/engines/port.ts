/** What a program that executes Dockerfiles must offer. */
import type { Digest } from '../../oci/index.ts';
import type { ExecOptions, ExecResult } from '../../runner/index.ts';

export interface BuildRequest {
  /** Private copy, bases pinned. */
  dockerfile: string;
  /** Private copy of the ignore file. */
  ignoreFile: string;
  context: string;
  platform: string;
  target: string;
  args: readonly (readonly [string, string])[];
  labels: readonly (readonly [string, string])[];
  annotations: readonly (readonly [string, string])[];
  secrets: readonly { id: string; file: string }[];
  noCache: boolean;
  /** `image:tag` to push and take away again; undefined: load only. */
  stage: string | undefined;
  /** `image:tag` names for the local store, without a push. */
  load: readonly string[];
  /** The registry, or a base's, is spoken to without TLS. */
  insecure: boolean;
  authFile: string;
  /** Folder for what the engine writes. */
  out: string;
}

/** Runs the engine's program with the environment meant for it; its output goes to the log. */
export type RunEngine = (file: string, args: readonly string[], options?: ExecOptions) => Promise<ExecResult>;

export interface Capabilities {
  secrets: boolean;
  heredocs: boolean;
  link: boolean;
  mounts: boolean;
  /** Reads an ignore file other than the context's own. */
  privateIgnoreFile: boolean;
}

export interface Engine {
  /** `buildah 1.28.2`, for outputs and messages. */
  readonly name: string;
  readonly caps: Capabilities;
  /** @returns the digest pushed; undefined without a push @throws EngineFailure */
  build(request: BuildRequest, run: RunEngine): Promise<{ digest: Digest | undefined }>;
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

export function flags(name: string, pairs: readonly (readonly [string, string])[]): string[] {
  return pairs.flatMap(([key, value]) => [name, `${key}=${value}`]);
}
