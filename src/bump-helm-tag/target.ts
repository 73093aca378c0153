/** What a run wants to write: targets, in stable order. Types only, and the one rule of what an image may be. */
import type { ScalarType, ValuePath } from '../yaml/index.ts';

export type ImageKey = 'registry' | 'repository' | 'tag' | 'digest' | 'revision';
/** Names of the keys in the chart's image map; null leaves a key alone. */
export type ImageKeys = Readonly<Record<ImageKey, string | null>>;

export const DEFAULT_KEYS: ImageKeys = {
  registry: 'registry',
  repository: 'repository',
  tag: 'tag',
  digest: 'digest',
  revision: 'revision',
};
/** `images[]` of a kustomization: the name is what stands in the manifests, newName what is put there. */
export const KUSTOMIZE_KEYS: ImageKeys = {
  registry: null,
  repository: 'newName',
  tag: 'newTag',
  digest: 'digest',
  revision: null,
};

export interface ImageWant {
  /** `registry/repository` */
  image: string;
  tag: string | undefined;
  digest: string | undefined;
  /** Full source commit of this image, when it is another one than the run's. */
  revision?: string | undefined;
  /** `owner/name` of its source, when it is another one than the run's. */
  sourceRepository?: string | undefined;
}

interface TargetBase {
  /** `<file>#<document>#<path>`: the name of a target in trailers and outputs. */
  id: string;
  file: string;
  document: number | undefined;
  path: ValuePath;
  /** Value path -> text that must stand there in the same snapshot. */
  onlyIf: readonly (readonly [ValuePath, string])[];
}

export interface ImageTarget extends TargetBase {
  kind: 'image';
  want: ImageWant;
  keys: ImageKeys;
  /** Tag, digest and revision come from another file of the same snapshot. */
  promote?: true;
}

export interface ScalarTarget extends TargetBase {
  kind: 'scalar';
  value: string;
  type: ScalarType;
  /** A string may replace a number, boolean or null: `appVersion: 1.10` without quotes. */
  mayChangeType?: true;
  /** Quoted whatever it is: appVersion, which charts put into labels and annotations. */
  quoted?: boolean;
  /** Moves only together with another target, never on its own, and belongs to nobody: the version of a chart. */
  follows?: true;
}

/** Brings back what stood there before a handoff. */
export interface RestoreTarget extends TargetBase {
  kind: 'restore';
  scalars: readonly RestoredScalar[];
  /** What its trailer says: the reference or text that comes back. */
  trailer: { kind: 'image' | 'scalar'; value: string };
  /** Who built what comes back; revision '' when that is not known. */
  source: Source;
}

export interface RestoredScalar {
  path: ValuePath;
  /** As the handoff left it: anything else means that somebody moved on. */
  from: ScalarText;
  to: ScalarText;
}

/** A scalar as its source says it. */
export interface ScalarText {
  type: ScalarType;
  text: string;
}

export interface Source {
  /** `owner/name`, or with a host in front as a trailer says it. */
  repository: string;
  revision: string;
}

export type Target = ImageTarget | ScalarTarget | RestoreTarget;

const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const IMAGE = /^[a-z0-9][a-zA-Z0-9.-]*(:\d+)?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)+$/;

/** What is wrong with an image, tag or digest; undefined when nothing is. */
export function checkWant(want: ImageWant): string | undefined {
  if (!IMAGE.test(want.image) || want.image.length > 255) return 'image is not registry/repository in lower case';
  if (want.tag !== undefined && !TAG.test(want.tag)) return 'the tag is none';
  if (want.digest !== undefined && !DIGEST.test(want.digest))
    return 'the digest is not sha256: and 64 lower-case hex digits';
  return undefined;
}

/** `registry/repository[:tag][@digest]`, as trailers say it. */
export function refText(want: Pick<ImageWant, 'image' | 'tag' | 'digest'>): string {
  return `${want.image}${want.tag === undefined ? '' : `:${want.tag}`}${want.digest === undefined ? '' : `@${want.digest}`}`;
}

/** Tag and digest of a reference as somebody wrote it, without judging it; '' for what is not there. */
export function splitRef(text: string): { image: string; tag: string; digest: string } {
  const [, image = '', tag = '', digest = ''] = /^([^@]*?)(?::([^/:@]+))?(?:@(.+))?$/.exec(text) ?? [];
  return { image, tag, digest };
}
