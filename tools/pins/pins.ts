/** Third-party actions: every one in pins.json and nothing else there; updates after a cool-down. Pure. */
import semver from 'semver';
import type { Problem, WorkflowFile } from '../check-workflows/model.ts';
import type { Pins } from '../check-workflows/rule.ts';
import { w01 } from '../check-workflows/rules/references.ts';

/** Most bad releases are taken back within that time. */
const COOL_DOWN_DAYS = 3;
const DAY = 86_400_000;

/** Every third-party `uses` by a pin with its version behind it, and no pin that nothing uses. */
export function checkPins(files: readonly WorkflowFile[], pins: Pins): Problem[] {
  const used = new Set(files.flatMap((file) => file.uses.map(({ value }) => value.replace(/@.*$/, ''))));
  return [
    ...files.flatMap((file) => w01(file, pins).map((problem) => ({ ...problem, file: file.name }))),
    ...Object.entries(pins).flatMap(([action, pin]): Problem[] => {
      const problem = (message: string) => [
        { rule: 'pins', file: 'workflows/pins.json', line: 1, message: `${action}: ${message}` },
      ];
      if (!/^[0-9a-f]{40}$/.test(pin.commit)) return problem('its commit is not a full one');
      if (!/^v\d+\.\d+\.\d+$/.test(pin.version)) return problem(`${pin.version} is not vX.Y.Z`);
      return used.has(action) ? [] : problem('nothing uses it');
    }),
  ];
}

/** One release of an action, as its repository lists it. */
export interface ActionRelease {
  action: string;
  version: string;
  commit: string;
  /** When it was published, ISO 8601. */
  date: string;
}

export interface Proposal {
  action: string;
  from: string;
  to: string;
  commit: string;
  /** A new major may ask for changes of its inputs. */
  major: boolean;
}

/**
 * The newest release of each pinned action that is old enough. A version whose commit is another one than before is never
 * proposed: a tag that moved is a reason to look, not to follow.
 * @param now milliseconds since 1970
 * @throws Error for a date that is none
 */
export function proposeUpdates(pins: Pins, releases: readonly ActionRelease[], now: number): Proposal[] {
  return Object.entries(pins).flatMap(([action, pin]) => {
    const candidates = releases
      .filter((release) => release.action === action && /^[0-9a-f]{40}$/.test(release.commit))
      .filter((release) => /^v\d+\.\d+\.\d+$/.test(release.version) && semver.gt(release.version, pin.version))
      .filter((release) => {
        const published = Date.parse(release.date);
        if (Number.isNaN(published)) throw new Error(`${action} ${release.version}: "${release.date}" is no date`);
        return now - published >= COOL_DOWN_DAYS * DAY;
      })
      .sort((a, b) => semver.rcompare(a.version, b.version));
    const newest = candidates[0];
    if (newest === undefined) return [];
    const ambiguous = candidates.some((other) => other.version === newest.version && other.commit !== newest.commit);
    if (ambiguous) return [];
    const major = semver.major(newest.version) !== semver.major(pin.version);
    return [{ action, from: pin.version, to: newest.version, commit: newest.commit, major }];
  });
}
