/** What a plan is made of. `Updates` is the `updates` format of bump-helm-tag, nothing added. */

export const STRATEGIES = ['canary', 'blueGreen', 'rolling', 'recreate'] as const;
export type Strategy = (typeof STRATEGIES)[number];

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

/** Who moves the weights of a canary: Git, or the controller of an Argo Rollout. */
export const ROUTERS = ['gateway', 'rollouts'] as const;
export type Router = (typeof ROUTERS)[number];

/** What verify-canary compares in a stage, by its own words. */
export interface Verify {
  mode: 'concurrent' | 'pre-promotion' | 'post-promotion' | 'before-after';
  /** Percent of the requests that the new version gets meanwhile; '' where a controller moves it. */
  weight: number | '';
  /** Id of the step in the trace; '' is the weight. */
  step: string;
  /** Matchers of the series of the version that it is compared with, and of the new version. */
  stable: string;
  canary: string;
  /** The Rollout that is watched; '' without one. */
  rollout: string;
}

/** How the series of the two versions are told apart. */
export interface Labels {
  /** Value of the label `app`. */
  app: string;
  /** Matchers of another chart; '' are those of ours. `{tag}` and `{slot}` stand for those of the version. */
  stable: string;
  canary: string;
}

export interface Stage {
  index: number;
  name: string;
  /** Percent of the traffic that the new version gets in this stage. */
  weight: number;
  /** True for the stage after which the new version is the stable one. */
  final: boolean;
  'timeout-minutes': number;
  updates: Updates;
  /** Absent: the commit is the whole stage, and `unjudged` says why. */
  verify?: Verify;
  unjudged?: string;
  /** Artifact that keeps record, trace and verdict of this stage. */
  artifact: string;
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

export type Slot = 'blue' | 'green';

/** What the values file says now. `canary` and `slots` are undefined when the file has no such block. */
export interface CurrentValues {
  /** With blueGreen: the image of the active slot. */
  stable: ImageValues;
  canary: { image: ImageValues; weight: string | undefined } | undefined;
  slots: SlotValues | undefined;
}

export interface SlotValues extends Record<Slot, ImageValues> {
  active: Slot;
}

/** Value paths of a chart. */
export interface Layout {
  image: string;
  'canary.image': string;
  'canary.weight': string;
  'blueGreen.active': string;
  'blueGreen.blue.image': string;
  'blueGreen.green.image': string;
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
  /** Somebody can say how the new version does: stages are verified. A canary is always. */
  evidence: boolean;
  /** Of strategy canary. */
  router: Router;
  /** Name of the Rollout, with router rollouts. */
  rollout: string;
  labels: Labels;
  /** What the names of this delivery's artifacts begin with. One run may hold several deliveries. */
  records: string;
  /** How long a stage that waits for evidence may take. */
  stageMinutes: number;
}
