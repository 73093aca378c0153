/** What the delivery report shows. Times are seconds since the push; all texts are untrusted. */
import type { Downtime } from '../traffic/stats.ts';

export interface JobFact {
  name: string;
  conclusion: string;
  start: number;
  end: number;
}

export interface StageFact {
  name: string;
  weight: number;
  verdict: string;
  message: string;
  seconds: number | undefined;
  commit: string;
  /** Path of verify-canary's own report, relative to this one. */
  report: string | undefined;
}

export interface TrafficFact {
  /** Start of the second. */
  second: number;
  stable: number;
  canary: number;
  failed: number;
}

export interface CommitFact {
  sha: string;
  subject: string;
  trailers: readonly (readonly [string, string])[];
  diff: string;
}

export interface DriftFact {
  /** The Deployment that was changed by hand. */
  deployment: string;
  /** True when the application was OutOfSync after it. */
  outOfSync: boolean;
  /** Polls and seconds until it was as in Git again. */
  polls: number;
  seconds: number;
  /** Pods whose names were not there before, after the healing. */
  foreign: readonly string[];
  failed: number;
  /** Status of each attempt to write through the cluster's API. */
  writes: readonly (readonly [string, number])[];
}

/** A link of the chain from a running pod back to the commit, as the audit told it. */
export interface AuditFact {
  name: string;
  status: string;
  why: string;
  evidence: readonly { name: string; value: string }[];
}

export interface DeliveryFacts {
  app: string;
  strategy: string;
  revision: string;
  verdict: string;
  message: string;
  jobs: readonly JobFact[];
  stages: readonly StageFact[];
  traffic: readonly TrafficFact[];
  /** The weight that Git asked for, from each moment on. */
  wanted: readonly { second: number; weight: number }[];
  requests: { sent: number; failed: number; toCanary: number };
  /** From the push to the end. */
  downtime: Downtime;
  drift: DriftFact | undefined;
  /** Empty when nothing was delivered. */
  audit: readonly AuditFact[];
  image: { ref: string; reused: boolean; running: readonly string[] };
  commits: readonly CommitFact[];
  machine: string;
  timings: readonly { name: string; seconds: number }[];
}
