/** A version order: total over everything it accepts. What it cannot judge it says so, it never guesses. */

export type Sign = -1 | 0 | 1;

export interface Order<P = unknown> {
  /** undefined: this version cannot be judged. */
  parse(version: string): P | undefined;
  /** Never throws for what `parse` gave. */
  compare(a: P, b: P): Sign;
  /**
   * Absent: all that can be parsed. A branch of Composer has a place in the order of its tools, but nobody knows which
   * code it held on the day it was locked: no range may judge it.
   */
  judges?(version: P): boolean;
}

/** @returns the version when an advisory's range may judge it */
export function judged<P>(order: Order<P>, version: string): P | undefined {
  const parsed = order.parse(version);
  return parsed === undefined || order.judges?.(parsed) === false ? undefined : parsed;
}

export const sign = (n: number | bigint): Sign => (n < 0 ? -1 : n > 0 ? 1 : 0);

/** By code unit, as the byte order of ASCII. */
export const compareWords = (a: string, b: string): Sign => (a < b ? -1 : a > b ? 1 : 0);

/** Numbers of any length, missing ones count as 0. */
export function compareNumbers(a: readonly bigint[], b: readonly bigint[]): Sign {
  for (let i = 0; i < Math.max(a.length, b.length); i += 1) {
    const order = sign((a[i] ?? 0n) - (b[i] ?? 0n));
    if (order !== 0) return order;
  }
  return 0;
}

/** Longest version text that is looked at. */
export const MAX_VERSION = 256;
