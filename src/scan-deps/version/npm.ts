/** npm: semver 2, build metadata ignored. What the library refuses (1.0, five parts, huge numbers) is compared part by part. */
import SemVer from 'semver/classes/semver.js';
import { MAX_VERSION, type Order, type Sign, sign } from './order.ts';

interface NpmVersion {
  /** Absent when the library refuses the text. */
  semver?: SemVer;
  numbers: readonly bigint[];
  labels: readonly string[];
}

const NUMBERS = /^\d+(?:\.\d+)*$/;

export const npmOrder: Order<NpmVersion> = {
  parse(version) {
    const text = version.trim().replace(/^[vV=]\s*/, '');
    if (text === '' || text.length > MAX_VERSION) return undefined;
    const plain = text.split('+', 1)[0] ?? '';
    const dash = plain.indexOf('-');
    const core = dash < 0 ? plain : plain.slice(0, dash);
    const label = dash < 0 ? '' : plain.slice(dash + 1);
    if (!NUMBERS.test(core) || (dash >= 0 && !/^[0-9A-Za-z.-]+$/.test(label))) return undefined;
    const semver = strict(text);
    const parts = { numbers: core.split('.').map(BigInt), labels: label === '' ? [] : label.split('.') };
    return semver === undefined ? parts : { ...parts, semver };
  },
  compare(a, b) {
    if (a.semver !== undefined && b.semver !== undefined) return a.semver.compare(b.semver);
    for (let i = 0; i < Math.max(a.numbers.length, b.numbers.length); i += 1) {
      const order = sign((a.numbers[i] ?? 0n) - (b.numbers[i] ?? 0n));
      if (order !== 0) return order;
    }
    return compareLabels(a.labels, b.labels);
  },
};

function strict(text: string): SemVer | undefined {
  try {
    return new SemVer(text);
  } catch {
    return undefined;
  }
}

/** semver 2, 11.3 and 11.4: a release is above its pre-releases, numbers below words, the longer list above. */
function compareLabels(a: readonly string[], b: readonly string[]): Sign {
  if (a.length === 0 || b.length === 0) return sign(b.length - a.length) as Sign;
  for (let i = 0; i < Math.max(a.length, b.length); i += 1) {
    const x = a[i];
    const y = b[i];
    if (x === undefined) return -1;
    if (y === undefined) return 1;
    if (x === y) continue;
    const [n, m] = [/^\d+$/.test(x), /^\d+$/.test(y)];
    if (n && m) {
      const order = sign(BigInt(x) - BigInt(y));
      if (order !== 0) return order;
    } else if (n !== m) return n ? -1 : 1;
    else return x < y ? -1 : 1;
  }
  return 0;
}
