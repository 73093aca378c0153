/** What a run hands to its reports. */
import type { Planned } from './facts.ts';
import type { InspectedImage } from './inspect.ts';
import type { TagState } from './publish.ts';

/** Known while a run goes on, and when it fails. */
export interface Progress {
  states: TagState[];
  seconds: Record<string, number>;
  warnings: { code: string; text: string }[];
}

export interface Result {
  plan: Planned;
  /** undefined: nothing was pushed or found. */
  inspected: InspectedImage | undefined;
  reused: boolean;
  reason: string;
  pushed: boolean;
  engine: string;
  /** The image that the moving tag named before. */
  before?: Size | undefined;
}

export interface Size {
  tag: string;
  bytes: number;
}

export type Phase = <T>(name: string, body: () => Promise<T>) => Promise<T>;
