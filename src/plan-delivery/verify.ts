/** What a stage is judged by: which series are those of the old version, and which those of the new one. Pure. */
import type { CurrentValues, ImageValues, Labels, Slot, StagePlanInput, Verify } from './types.ts';

/** The judging of a stage, or why there is none. */
export type Judging = { verify: Verify } | { unjudged: string };

/** The standard label `app.kubernetes.io/version` as it stands on a series. */
const VERSION = 'app_kubernetes_io_version';
const TRACK = { stable: 'track="stable"', canary: 'track="canary"' };

/** One version as a selector may name it. */
interface Version {
  tag: string;
  slot?: Slot;
}

/** Both at once, by their tracks. */
export function judgeWeight(input: StagePlanInput, now: CurrentValues, weight: number): Judging {
  return compare({ mode: 'concurrent', weight, step: '' }, ...tracks(input, now));
}

/** All requests go to the canary, and the time before is what is left to compare with. */
export function judgeFull(input: StagePlanInput, now: CurrentValues): Judging {
  const [, canary] = tracks(input, now);
  return compare({ mode: 'before-after', weight: 100, step: '' }, both(input.labels, 'stable', now.stable.tag), canary);
}

/**
 * The canary has become the stable version. It was compared with the old one at every weight; what this can still break is the
 * move itself, so the pods of the stable track are compared with the time before it.
 */
export function judgeFinish(input: StagePlanInput): Judging {
  const { labels, tag } = input;
  return compare(
    { mode: 'post-promotion', weight: 100, step: 'finish' },
    both(labels, 'canary', tag),
    matchers(labels, 'stable', TRACK.stable, { tag }),
  );
}

/** A Rollout whose controller moves the weights: each that is seen is a step. */
export function judgeRollout(input: StagePlanInput, now: CurrentValues): Judging {
  return compare({ mode: 'concurrent', weight: '', step: '', rollout: input.rollout }, ...tracks(input, now));
}

/** All pods are replaced: the new version against the old one of before, by the versions that stand on their series. */
export function judgeRoll(input: StagePlanInput, now: CurrentValues): Judging {
  const none = missing(input, now.stable);
  if (none !== undefined) return { unjudged: none };
  return compare({ mode: 'before-after', weight: 100, step: '' }, ...versions(input.labels, now.stable, input));
}

/** Of blueGreen: the slots are told apart, whatever is in them. */
export function judgeSlots(
  input: StagePlanInput,
  stable: ImageValues,
  from: Slot,
  to: Slot,
  mode: 'pre-promotion' | 'post-promotion',
): Judging {
  const none = missing(input, stable);
  if (none !== undefined) return { unjudged: none };
  const weight = mode === 'pre-promotion' ? 0 : 100;
  return compare({ mode, weight, step: '' }, ...slots(input.labels, [from, stable.tag ?? ''], [to, input.tag]));
}

/** After a rollback: the version that is back against the one that was taken back. */
export function judgeRollback(labels: Labels, before: CurrentValues, now: CurrentValues): Judging {
  if (before.stable.digest === now.stable.digest && before.stable.tag === now.stable.tag)
    return { unjudged: 'the stable version is the same as before' };
  const head = { mode: 'post-promotion', weight: 100, step: 'rollback' } as const;
  const [from, to] = [before.slots?.active, now.slots?.active];
  if (from === undefined || to === undefined || from === to)
    return compare(head, ...versions(labels, before.stable, { tag: now.stable.tag ?? '' }));
  return compare(head, ...slots(labels, [from, before.stable.tag ?? ''], [to, now.stable.tag ?? '']));
}

function missing(input: StagePlanInput, stable: ImageValues): string | undefined {
  if (!input.evidence) return 'there is no prometheus-url';
  return stable.digest || stable.tag ? undefined : 'there is no stable version to compare with';
}

/**
 * Both versions of the time before, which carried the load together. What is compared must have had a like load, and alone
 * neither had the whole of it: the stable version had its share, and the canary all only since the last weight.
 */
function both(labels: Labels, side: 'stable' | 'canary', tag = ''): string {
  return matchers(labels, side, 'track=~"stable|canary"', { tag });
}

type Sides = [stable: string, canary: string];

function compare(
  what: Pick<Verify, 'mode' | 'weight' | 'step'> & { rollout?: string },
  stable: string,
  canary: string,
): Judging {
  if (stable === canary)
    return { unjudged: 'both versions have the same tag, and nothing else tells their series apart' };
  return { verify: { ...what, stable, canary, rollout: what.rollout ?? '' } };
}

function tracks({ labels, tag }: StagePlanInput, now: CurrentValues): Sides {
  const old = { tag: now.stable.tag ?? '' };
  return [matchers(labels, 'stable', TRACK.stable, old), matchers(labels, 'canary', TRACK.canary, { tag })];
}

function versions(labels: Labels, stable: ImageValues, next: Version): Sides {
  const of = (tag: string): string => `${VERSION}="${versionLabel(tag)}"`;
  const old = { tag: stable.tag ?? '' };
  return [matchers(labels, 'stable', of(old.tag), old), matchers(labels, 'canary', of(next.tag), next)];
}

function slots(labels: Labels, [from, old]: [Slot, string], [to, next]: [Slot, string]): Sides {
  return [
    matchers(labels, 'stable', `slot="${from}"`, { tag: old, slot: from }),
    matchers(labels, 'canary', `slot="${to}"`, { tag: next, slot: to }),
  ];
}

function matchers(labels: Labels, side: 'stable' | 'canary', own: string, { tag, slot = 'blue' }: Version): string {
  const given = labels[side];
  if (given !== '') return given.replaceAll('{tag}', tag).replaceAll('{slot}', slot);
  return labels.app === '' ? own : `app="${quoted(labels.app)}",${own}`;
}

/** As the chart makes a label of a tag: at most 63 characters, a letter or digit at both ends. */
function versionLabel(tag: string): string {
  return tag.slice(0, 63).replace(/^[._-]+|[._-]+$/g, '') || 'unknown';
}

function quoted(text: string): string {
  return text.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n');
}
