/** Bad days of a host, as one script for the repository in memory and for the lab's forge. */
import { type Fault, faultAnswers } from '../../../lab/forge/server.ts';

/**
 * What becomes of one write: `dropped` never arrives; `lost` takes effect and its answer is lost; `late` takes effect after
 * the client has given it up; `doubled` is sent twice by something on the way and only the second answer is heard.
 */
export type WriteFault = 'dropped' | 'lost' | 'late' | 'doubled' | 'throttled' | 'false-stale';

export interface FaultProfile {
  name: string;
  /** Share of the writes that each fault strikes. */
  writes: Readonly<Partial<Record<WriteFault, number>>>;
  /** Share of reads that an old replica answers, and by how many commits at most it is behind. */
  stale: { share: number; commits: number };
  /** Share of reads that fail for good. */
  unreadable: number;
  /** Share of writers that are cancelled at some moment, and of those that have little time. */
  cancelled: number;
  hurried: number;
  /** False where a transport has no such fault: git hears no old replica from the lab's forge. */
  git: boolean;
}

const calm: FaultProfile = {
  name: 'none',
  writes: {},
  stale: { share: 0, commits: 0 },
  unreadable: 0,
  cancelled: 0,
  hurried: 0,
  git: true,
};
const lost = { dropped: 0.08, lost: 0.12, late: 0.08, doubled: 0.04 };

export const PROFILES: readonly FaultProfile[] = [
  calm,
  { ...calm, name: 'answers lost', writes: lost },
  { ...calm, name: 'throttled', writes: { throttled: 0.15 } },
  { ...calm, name: 'false stale', writes: { 'false-stale': 0.3 } },
  { ...calm, name: 'old replica', stale: { share: 0.4, commits: 3 }, git: false },
  {
    ...calm,
    name: 'lost and old replica',
    writes: lost,
    stale: { share: 0.4, commits: 3 },
    git: false,
  },
  {
    name: 'everything',
    writes: { ...lost, throttled: 0.05, 'false-stale': 0.1 },
    stale: { share: 0.25, commits: 3 },
    unreadable: 0.02,
    cancelled: 0.15,
    hurried: 0.1,
    git: true,
  },
];

export function writeFault(profile: FaultProfile, lot: number): WriteFault | undefined {
  let sum = 0;
  for (const [fault, share] of Object.entries(profile.writes) as [WriteFault, number][]) {
    sum += share;
    if (lot < sum) return fault;
  }
  return undefined;
}

/** A call takes 50 to 250 ms, and in one case of twenty seconds. */
export function latency(random: () => number): number {
  return random() < 0.05 ? 8 * random() : 0.05 + 0.2 * random();
}

/**
 * The profile as faults of the forge. @param count writes that get a lot; what comes after them goes well
 */
export function forgeFaults(
  profile: FaultProfile,
  transport: 'github' | 'git',
  random: () => number,
  count: number,
): Fault[] {
  const match = transport === 'github' ? { operation: 'BumpCommit' } : { method: 'POST', path: /\/git-receive-pack$/ };
  const faults: Fault[] = [];
  let unharmed = 0;
  for (let n = 0; n < count; n += 1) {
    const fault = writeFault(profile, random());
    const strike = fault === undefined ? undefined : forgeFault(fault, transport, random);
    // A fault hears only of requests that none before it has taken.
    if (strike === undefined) unharmed += 1;
    else faults.push({ match, skip: unharmed, times: 1, ...strike });
  }
  if (profile.stale.share > 0)
    for (const operation of ['BumpRead', 'BumpHistory'])
      faults.push({
        match: { operation },
        every: Math.round(1 / profile.stale.share),
        staleBy: 1 + Math.floor(random() * profile.stale.commits),
      });
  // Each takes its share of what is left: five paces, equally often.
  for (const [i, delayMs] of [250, 50, 200, 100, 150].entries()) faults.push({ match: {}, every: 5 - i, delayMs });
  return faults;
}

function forgeFault(
  fault: WriteFault,
  transport: 'github' | 'git',
  random: () => number,
): Omit<Fault, 'match'> | undefined {
  switch (fault) {
    case 'dropped':
      return { reset: 'before' };
    case 'lost':
      return random() < 0.5 ? { reset: 'after' } : { answer: faultAnswers.badGateway('after') };
    case 'late':
      // Git's body is read by the effect: a client that is gone has taken it along.
      return transport === 'git' ? { reset: 'after' } : { reset: 'before', lateEffectMs: 100 + 1000 * random() };
    case 'throttled':
      return { answer: transport === 'git' ? { status: 429 } : faultAnswers.secondaryLimit(1) };
    case 'false-stale':
      return transport === 'git' ? undefined : { answer: faultAnswers.falseStale() };
    case 'doubled':
      // Nothing between this client and the forge sends twice.
      return undefined;
  }
}
