/**
 * Packagist: PHP's version_compare, `dev < alpha < beta < RC < a number < pl`, any other word below all of them; a missing
 * part is below every number. https://www.php.net/version_compare
 * As in Composer a leading `v` is cut, the case of words does not matter, and build metadata is no part of the version.
 */
import { MAX_VERSION, type Order, type Sign, sign } from './order.ts';

type Part = { rank: number; number?: bigint };

interface PackagistVersion {
  parts: readonly Part[];
  /** A branch (`dev-main`, `2.x-dev`), or `#`, which equals every number and so breaks the order. */
  placeless: boolean;
}

const BRANCH = /^dev-[!-~]+$/i;
const VERSION = /^\d[0-9A-Za-z.#_-]*$/;
const WILD_BRANCH = /(?:^|[.-])[xX*](?:[.-]|$)/;
const NUMBER = 4;
// Found by their beginning, as PHP does.
const WORDS: readonly (readonly [string, number])[] = [
  ['dev', 0],
  ['a', 1],
  ['b', 2],
  ['rc', 3],
  ['#', NUMBER],
  ['p', 5],
];
const MISSING: Part = { rank: NUMBER };

export const packagistOrder: Order<PackagistVersion> = {
  parse(version) {
    const text = version.trim();
    if (text.length > MAX_VERSION) return undefined;
    if (BRANCH.test(text)) return { parts: partsOf(text), placeless: true };
    const plain = text.replace(/^v/i, '').replace(/\+.*$/, '');
    if (!VERSION.test(plain)) return undefined;
    return { parts: partsOf(plain), placeless: plain.includes('#') || WILD_BRANCH.test(plain) };
  },
  compare(a, b) {
    for (let i = 0; i < Math.max(a.parts.length, b.parts.length); i += 1) {
      const order = compareParts(a.parts[i], b.parts[i]);
      if (order !== 0) return order;
    }
    return 0;
  },
  judges: (version) => !version.placeless,
};

function partsOf(text: string): Part[] {
  const pieces = text.toLowerCase().match(/\d+|#|[^\d.#_+-]+/g) ?? [];
  return pieces.map((piece) => {
    if (/^\d/.test(piece)) return { rank: NUMBER, number: BigInt(piece) };
    return { rank: WORDS.find(([word]) => piece.startsWith(word))?.[1] ?? -1 };
  });
}

function compareParts(a: Part | undefined, b: Part | undefined): Sign {
  if (a?.number !== undefined && b?.number !== undefined) return sign(a.number - b.number);
  if (a?.number !== undefined && b === undefined) return 1;
  if (b?.number !== undefined && a === undefined) return -1;
  return sign((a ?? MISSING).rank - (b ?? MISSING).rank);
}
