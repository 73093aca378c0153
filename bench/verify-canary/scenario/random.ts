/** Chance that can be repeated: xoshiro128** (Blackman and Vigna 2018), period 2^128 - 1, seeded by splitmix32. */

export interface Random {
  /** 32 bits. */
  bits(): number;
  /** From 0 on, below 1; 53 bits. */
  uniform(): number;
}

/** @param words any whole numbers: the same ones give the same sequence, others another one */
export function seeded(...words: readonly number[]): Random {
  // Each word is mixed into what the words before it left, so that (1, 2) and (2, 1) have nothing in common.
  let mixed = 0x9e3779b9;
  for (const word of words) mixed = mix((mixed ^ word) + 0x9e3779b9);
  const state: State = [0, 0, 0, 0];
  for (let i = 0; i < 4; i += 1) {
    mixed = (mixed + 0x9e3779b9) | 0;
    state[i] = mix(mixed);
  }
  return fromState(state);
}

export type State = [number, number, number, number];

/** @param state four words, not all 0 */
export function fromState(state: State): Random {
  let [a, b, c, d] = state;
  const bits = (): number => {
    const five = Math.imul(b, 5);
    const result = Math.imul((five << 7) | (five >>> 25), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result;
  };
  return { bits, uniform: () => ((bits() >>> 5) * 67108864 + (bits() >>> 6)) / 9007199254740992 };
}

/** The finalizer of murmur3: every bit of the result hangs on every bit of the word. */
function mix(word: number): number {
  let x = word | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}
