/**
 * Semantic Versioning 2.0.0, section 11; build metadata is ignored. What the library refuses (1.0, five parts, leading
 * zeros, numbers that no double holds) is compared here part by part, by the same rules. https://semver.org/#spec-item-11
 */
import SemVer from 'semver/classes/semver.js';
import { compareNumbers, compareWords, MAX_VERSION, type Order, type Sign, sign } from './order.ts';

export interface SemanticVersion {
  /** Absent when the library refuses the text, or would compare it wrongly. */
  semver?: SemVer;
  numbers: readonly bigint[];
  labels: readonly string[];
}

const NUMBERS = /^\d+(?:\.\d+)*$/;
const LABELS = /^[0-9A-Za-z.-]+$/;
// The library keeps numeric labels as doubles: beyond 15 digits two different ones become equal.
const TOO_LONG = /\d{16}/;

/** @param text without any prefix that the ecosystem allows */
export function parseSemantic(text: string): SemanticVersion | undefined {
  if (text === '' || text.length > MAX_VERSION) return undefined;
  const plain = text.split('+', 1)[0] ?? '';
  const dash = plain.indexOf('-');
  const core = dash < 0 ? plain : plain.slice(0, dash);
  const label = dash < 0 ? '' : plain.slice(dash + 1);
  if (!NUMBERS.test(core) || (dash >= 0 && !LABELS.test(label))) return undefined;
  const semver = TOO_LONG.test(plain) ? undefined : strict(text);
  const parts = { numbers: core.split('.').map(BigInt), labels: label === '' ? [] : label.split('.') };
  return semver === undefined ? parts : { ...parts, semver };
}

function compareSemantic(a: SemanticVersion, b: SemanticVersion): Sign {
  if (a.semver !== undefined && b.semver !== undefined) return a.semver.compare(b.semver);
  return compareNumbers(a.numbers, b.numbers) || compareLabels(a.labels, b.labels);
}

/** @param clean cuts what this ecosystem allows before the version */
export function semanticOrder(clean: (version: string) => string): Order<SemanticVersion> {
  return {
    parse: (version) => (version.length > MAX_VERSION ? undefined : parseSemantic(clean(version.trim()))),
    compare: compareSemantic,
  };
}

function strict(text: string): SemVer | undefined {
  try {
    return new SemVer(text);
  } catch {
    return undefined;
  }
}

const DIGITS = /^\d+$/;

/** 11.3 and 11.4: a release is above its pre-releases, numbers below words, the longer list above. */
export function compareLabels(a: readonly string[], b: readonly string[]): Sign {
  if (a.length === 0 || b.length === 0) return sign(b.length - a.length);
  for (let i = 0; i < Math.max(a.length, b.length); i += 1) {
    const x = a[i];
    const y = b[i];
    if (x === undefined) return -1;
    if (y === undefined) return 1;
    if (x === y) continue;
    const [n, m] = [DIGITS.test(x), DIGITS.test(y)];
    if (n !== m) return n ? -1 : 1;
    const order = n ? sign(BigInt(x) - BigInt(y)) : compareWords(x, y);
    if (order !== 0) return order;
  }
  return 0;
}

export const isPreRelease = (version: SemanticVersion): boolean => version.labels.length > 0;

/**
 * The first release that is not below this version.
 * @param from undefined: from below every version
 * @param above the version itself is too low
 */
export function nextRelease(from: SemanticVersion | undefined, above: boolean): SemanticVersion {
  const numbers = [...(from?.numbers ?? []), 0n, 0n, 0n].slice(0, Math.max(3, from?.numbers.length ?? 0));
  const last = numbers.length - 1;
  if (from !== undefined && above && !isPreRelease(from)) numbers[last] = (numbers[last] ?? 0n) + 1n;
  return { numbers, labels: [] };
}
