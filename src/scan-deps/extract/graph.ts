/** Edges of a lock: who asks for whom, and what is reached from where. */

/** More parents tell a reader nothing, and all of them together can be the square of the file. */
const MAX_PARENTS = 200;

/** Parents by child. */
export class Parents<T> {
  readonly #of = new Map<T, Set<string>>();

  add(child: T, parent: string): void {
    const known = this.#of.get(child);
    if (known === undefined) this.#of.set(child, new Set([parent]));
    else if (known.size < MAX_PARENTS) known.add(parent);
  }

  of(child: T): ReadonlySet<string> {
    return this.#of.get(child) ?? new Set();
  }
}

/** All that is reached from the roots, with the roots. */
export function reach<T>(roots: Iterable<T>, next: (at: T) => Iterable<T>): Set<T> {
  const seen = new Set(roots);
  // A set is walked in the order of insertion, what is added on the way included.
  for (const at of seen) for (const child of next(at)) seen.add(child);
  return seen;
}
