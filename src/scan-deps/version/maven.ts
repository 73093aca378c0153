/**
 * Maven: ComparableVersion, as the POM reference writes it down. https://maven.apache.org/pom.html#version-order-specification
 * A version is a list of words (`foo`) and of numbers after a hyphen or a dot. Lists are compared from the left by
 *   alpha < beta < milestone < rc < snapshot < (the end) < "" < sp < any other word < -number < .number
 * once the values that mean nothing (0, "", ga, final, release) are cut from every end and before every hyphen and word.
 * After that cut the end needs no padding: what follows it is below it only if it is one of the first five words.
 */
import { compareWords, MAX_VERSION, type Order, type Sign, sign } from './order.ts';

type Token = { rank: number; number?: bigint; word?: string };

const WORDS: Readonly<Record<string, number>> = { alpha: 0, beta: 1, milestone: 2, rc: 3, cr: 3, snapshot: 4 };
const SHORT: Readonly<Record<string, string>> = { a: 'alpha', b: 'beta', m: 'milestone' };
const NOTHING: ReadonlySet<string> = new Set(['', 'ga', 'final', 'release']);
const [END, EMPTY, SERVICE_PACK, OTHER, AFTER_HYPHEN, AFTER_DOT] = [5, 6, 7, 8, 9, 10] as const;

// No space, and nothing that makes a range or a property of it.
const VERSION = /^[^\s[\](),${}]+$/;
const META: ReadonlySet<string> = new Set(['LATEST', 'RELEASE']);

export const mavenOrder: Order<readonly Token[]> = {
  parse(version) {
    const text = version.trim();
    if (text.length > MAX_VERSION || META.has(text) || !VERSION.test(text) || !/^[!-~]+$/.test(text)) return undefined;
    return trimmed(tokensOf(text.toLowerCase()));
  },
  compare(a, b) {
    for (let i = 0; i < Math.max(a.length, b.length); i += 1) {
      const order = compareTokens(a[i], b[i]);
      if (order !== 0) return order;
    }
    return 0;
  },
};

function compareTokens(a: Token | undefined, b: Token | undefined): Sign {
  const order = sign((a?.rank ?? END) - (b?.rank ?? END));
  if (order !== 0) return order;
  return a?.number !== undefined && b?.number !== undefined
    ? sign(a.number - b.number)
    : compareWords(a?.word ?? '', b?.word ?? '');
}

/** Split at dots, hyphens and between digits and other characters, which counts as a hyphen; an empty token is 0. */
function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  for (const [, separator = '', piece = ''] of text.matchAll(/(^|[.-])([^.-]*)/g)) {
    const parts = piece.match(/\d+|\D+/g) ?? ['0'];
    for (const [i, part] of parts.entries()) {
      const hyphen = separator === '-' || i > 0;
      tokens.push(/^\d/.test(part) ? numberToken(part, hyphen) : wordToken(part, parts[i + 1] !== undefined));
    }
  }
  return tokens;
}

const numberToken = (digits: string, hyphen: boolean): Token => ({
  rank: hyphen ? AFTER_HYPHEN : AFTER_DOT,
  number: BigInt(digits),
});

function wordToken(text: string, beforeNumber: boolean): Token {
  const word = (beforeNumber && Object.hasOwn(SHORT, text) ? SHORT[text] : undefined) ?? text;
  if (NOTHING.has(word)) return { rank: EMPTY };
  const known = Object.hasOwn(WORDS, word) ? WORDS[word] : undefined;
  if (known !== undefined) return { rank: known };
  return word === 'sp' ? { rank: SERVICE_PACK } : { rank: OTHER, word };
}

function trimmed(tokens: readonly Token[]): Token[] {
  const kept: Token[] = [];
  const cut = (): void => {
    for (let last = kept.at(-1); last?.number === 0n || last?.rank === EMPTY; last = kept.at(-1)) kept.pop();
  };
  for (const token of tokens) {
    if (token.rank !== AFTER_DOT) cut();
    kept.push(token);
  }
  cut();
  return kept;
}
