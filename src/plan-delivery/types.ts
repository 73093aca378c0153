/** What a plan is made of. `Updates` is the `updates` format of bump-helm-tag, nothing added. */

export type Strategy = 'canary' | 'rolling';

/** Value path (`canary.image.digest`) -> text the scalar must have for the entry to be written. */
export type OnlyIf = Readonly<Record<string, string>>;

export interface ImageUpdate {
  file: string;
  /** Value path of an image map. */
  image: string;
  /** `registry/repository:tag@digest` */
  ref: string;
  'only-if'?: OnlyIf;
}

export interface ScalarUpdate {
  file: string;
  path: string;
  value: string | number;
  type: 'string' | 'number';
  'only-if'?: OnlyIf;
}

export type Updates = readonly (ImageUpdate | ScalarUpdate)[];

export interface Stage {
  index: number;
  name: string;
  /** Percent of the traffic that the new version gets in this stage. */
  weight: number;
  /** True for the stage after which the new version is the stable one. */
  final: boolean;
  'timeout-minutes': number;
  updates: Updates;
  /** Absent: nothing is left to compare with, the commit is the whole stage. */
  verify?: { mode: 'canary'; weight: number };
  /** Artifact with the trace of the verified stage before this one; '' when there is none. */
  history: string;
}

/** The scalars of one image map as texts; '' when a key is empty, undefined when the map has no such key. */
export interface ImageValues {
  repository: string | undefined;
  tag: string | undefined;
  digest: string | undefined;
  revision: string | undefined;
}

/** What the values file says now. `canary` is undefined when the file has no canary block. */
export interface CurrentValues {
  stable: ImageValues;
  canary: { image: ImageValues; weight: string | undefined } | undefined;
}

/** Value paths of a chart. */
export interface Layout {
  image: string;
  'canary.image': string;
  'canary.weight': string;
}

export interface StagePlanInput {
  strategy: Strategy;
  weights: readonly number[];
  file: string;
  layout: Layout;
  /** `registry/repository` */
  image: string;
  tag: string;
  digest: string;
}
