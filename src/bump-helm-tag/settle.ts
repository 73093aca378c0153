/** The loop: read, judge, write. The bytes of a round are those of its head: the edit is applied again, never old bytes to a new head. */
import { ActionError } from '../runner/index.ts';
import type { Snapshot } from './config-repository.ts';
import { guard } from './guard.ts';
import { blank, explainEnd, findOwn, note, type Outcome, type Ports, type Progress, type Wish } from './progress.ts';
import { propose } from './propose.ts';
import { applyEdits, examine } from './round.ts';
import type { TargetState } from './state.ts';
import { parseBlocks } from './trailers.ts';
import { finished, write } from './write.ts';

/** Seconds between two looks for a replica that has caught up. */
const LONGEST_WAIT = 8;

/**
 * Brings the targets to their values, once, or says why not.
 * @throws ActionError for every refusal; its text says whether nothing was written or the outcome is unknown
 */
export async function settle(ports: Ports, wish: Wish): Promise<Outcome> {
  const progress: Progress = {
    attempts: 0,
    conflicts: 0,
    outdated: 0,
    rounds: [],
    doubt: undefined,
    written: undefined,
  };
  try {
    for (;;) {
      const outcome = await playRound(ports, wish, progress);
      if (outcome !== undefined) return outcome;
    }
  } catch (error) {
    return finished(ports, progress, await explainEnd(ports, wish, progress, error));
  }
}

async function playRound(ports: Ports, wish: Wish, progress: Progress): Promise<Outcome | undefined> {
  const { signal } = ports.deadline;
  ports.deadline.check('handoff');
  const paths = new Set([...wish.targets.map((t) => t.file), ...(wish.derive?.paths ?? [])]);
  const snapshot = await ports.repository.read([...paths], signal);
  const { own } = await findOwn(ports, wish, progress, signal);
  if (own !== undefined) return finished(ports, progress, own);
  if (progress.doubt !== undefined && progress.doubt.head !== snapshot.head) {
    // An old replica has told of the files, or of the history: whether our commit is among what stands here is not known yet.
    note(progress, ports.log, snapshot.head, 'the answers do not fit together yet', 1);
    await ports.clock.sleep(1, signal);
    return undefined;
  }
  const targets = wish.derive === undefined ? wish.targets : await wish.derive.targets(wish.targets, snapshot);
  const states = examine(targets, snapshot, wish.images);
  const outcome = (over: Partial<Outcome>): Outcome => ({ ...blank(snapshot, progress), states, ...over });
  const mismatch = states.find((s) => s.mismatch !== undefined)?.mismatch;
  if (mismatch === undefined && states.every((s) => s.equal)) {
    // With conditions this says more than "somebody has done it": "there is nothing to take back".
    if (targets.some((t) => t.onlyIf.length > 0) && (await isOld(ports, progress, snapshot, signal))) return undefined;
    const own = (await ownerCommit(snapshot, states)) ?? snapshot.head;
    return outcome({ result: 'unchanged', commitSha: own, commitUrl: ports.repository.commitUrl(own) });
  }
  if (states.some((s) => s.pin !== undefined)) return outcome({ result: 'pinned' });
  // A condition that does not hold may mean that a newer build took over: then its owner is asked for equal values too.
  const asked = mismatch === undefined ? states.filter((s) => !s.equal) : states;
  const verdict = await guard(asked, snapshot, ports.source, wish.guard, signal);
  if (verdict.supersededBy !== '' || mismatch !== undefined) {
    if (verdict.supersededBy === '' && (await isOld(ports, progress, snapshot, signal))) return undefined;
    return outcome({ result: 'superseded', supersededBy: verdict.supersededBy, mismatch, notes: verdict.notes });
  }
  const edits = applyEdits(states, snapshot);
  await wish.validate?.(edits, snapshot);
  if (wish.dryRun) return outcome({ result: 'dry-run', edits, notes: verdict.notes });
  const work = { states, edits, verdict };
  if (wish.propose === 'always') return propose(ports, wish, progress, snapshot, work);
  try {
    return await write(ports, wish, progress, snapshot, work);
  } catch (error) {
    const guarded = error instanceof ActionError && error.code === 'E_BRANCH_PROTECTED';
    if (!guarded || wish.propose === undefined) throw error;
    ports.log.info(`${error.facts.what} is protected: proposing a pull request instead`);
    return propose(ports, wish, progress, snapshot, work);
  }
}

// An old replica may have told of values that are gone: a write would have met them, an end without one is looked at twice.
async function isOld(ports: Ports, progress: Progress, snapshot: Snapshot, signal: AbortSignal): Promise<boolean> {
  const head = await ports.repository.newestHead?.(signal);
  if (head === undefined || head === snapshot.head) return false;
  const wait = Math.min(LONGEST_WAIT, 2 ** progress.outdated);
  progress.outdated += 1;
  note(progress, ports.log, snapshot.head, `the branch is at ${head.slice(0, 7)} already`, wait);
  await ports.clock.sleep(wait, signal);
  return true;
}

// The logged commit that set these very values.
async function ownerCommit(snapshot: Snapshot, states: readonly TargetState[]): Promise<string | undefined> {
  const first = states[0]?.site;
  if (first === undefined) return undefined;
  const log = await snapshot.log();
  return log.find((c) =>
    parseBlocks(c.message).some((b) => b.targets.some((t) => t.id === first.id && first.matches(t.value))),
  )?.oid;
}
