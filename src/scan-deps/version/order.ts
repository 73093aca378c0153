/** A version order: total over everything it accepts. What it cannot judge it says so, it never guesses. */

export type Sign = -1 | 0 | 1;

export interface Order<P = unknown> {
  /** undefined: this version cannot be judged. */
  parse(version: string): P | undefined;
  /** Never throws for what `parse` gave. */
  compare(a: P, b: P): Sign;
}

export const sign = (n: number | bigint): Sign => (n < 0 ? -1 : n > 0 ? 1 : 0);

/** Longest version text that is looked at. */
export const MAX_VERSION = 256;
