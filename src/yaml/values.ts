/** Documents as values: what stands in a place, and where two differ. */

/** What one judge reads in one place: a scalar, or an empty collection. */
export interface Reading {
  type: string;
  value: string;
}

/** Keys and indexes from the root, the document's number first. Keys as text, whatever they are to the judge. */
export type Place = readonly (string | number)[];

export interface Difference {
  place: Place;
  /** `changed`: one scalar into another. The others: a scalar, or something with scalars below, where nothing was, or the reverse. */
  kind: 'changed' | 'added' | 'removed';
}

/** The scalar in a place; undefined when there is none. */
export function readingAt(documents: readonly unknown[], place: Place): Reading | undefined {
  let value: unknown = documents;
  for (const step of place) {
    if (!isCollection(value)) return undefined;
    const entry = Array.isArray(value) ? { value: value[Number(step)] as unknown } : entryOf(value, String(step));
    if (entry === undefined) return undefined;
    value = entry.value;
  }
  return isCollection(value) ? undefined : toReading(value);
}

/** Keys of a map as text. */
export function keysOf(map: object): string[] {
  if (map instanceof Map || map instanceof Set) return [...map.keys()].map(keyName);
  return Object.keys(map);
}

/** Where two lists of documents differ, in the order of the text; stops soon after more than `most`. */
export function differences(before: readonly unknown[], after: readonly unknown[], most: number): Difference[] {
  const found: Difference[] = [];
  // What aliases share is compared once: else a small file could take forever.
  const same = new Map<object, object>();
  const place: (string | number)[] = [];
  const step = (key: string | number, compare: () => void): void => {
    place.push(key);
    compare();
    place.pop();
  };
  const all = (kind: 'added' | 'removed', value: unknown): void => {
    if (found.length > most) return;
    const keys = isCollection(value) ? (Array.isArray(value) ? [...value.keys()] : keysOf(value)) : [];
    if (keys.length === 0) found.push({ place: [...place], kind });
    else for (const [i, inner] of valuesOf(value as object).entries()) step(keys[i] ?? i, () => all(kind, inner));
  };
  const compare = (a: unknown, b: unknown): void => {
    if (found.length > most || (typeof a !== 'object' && Object.is(a, b))) return;
    if (!isCollection(a) || !isCollection(b) || Array.isArray(a) !== Array.isArray(b)) {
      if (!isCollection(a) && !isCollection(b)) {
        const [old, now] = [toReading(a), toReading(b)];
        if (old.type !== now.type || old.value !== now.value) found.push({ place: [...place], kind: 'changed' });
        return;
      }
      all('removed', a);
      all('added', b);
      return;
    }
    if (same.get(a) === b) return;
    const count = found.length;
    if (Array.isArray(a)) compareLists(a, b as unknown[]);
    else compareMaps(a, b);
    if (found.length === count) same.set(a, b);
  };
  const compareLists = (a: readonly unknown[], b: readonly unknown[]): void => {
    for (let i = 0; i < Math.max(a.length, b.length); i += 1)
      step(i, () => (i >= a.length ? all('added', b[i]) : i >= b.length ? all('removed', a[i]) : compare(a[i], b[i])));
  };
  const compareMaps = (a: object, b: object): void => {
    const [old, now] = [keysOf(a), keysOf(b)];
    const [oldValues, nowValues] = [valuesOf(a), valuesOf(b)];
    const [oldKeys, nowKeys] = [new Set(old), new Set(now)];
    // In step through both: a key that the other does not have has come or gone, and the rest stand in the same order.
    for (let i = 0, j = 0; i < old.length || j < now.length; ) {
      const [was, is] = [old[i], now[j]];
      if (was !== undefined && was === is) step(was, () => compare(oldValues[i++], nowValues[j++]));
      else if (is !== undefined && (was === undefined || !oldKeys.has(is)))
        step(is, () => all('added', nowValues[j++]));
      else if (was !== undefined && (is === undefined || !nowKeys.has(was)))
        step(was, () => all('removed', oldValues[i++]));
      else {
        // Another order counts as gone and come again.
        step(was ?? '', () => all('removed', oldValues[i++]));
        step(is ?? '', () => all('added', nowValues[j++]));
      }
    }
  };
  compareLists(before, after);
  return found;
}

/** True when something holds itself, by an alias inside its own anchor. */
export function isCyclic(value: unknown, open = new Set<object>(), done = new Set<object>()): boolean {
  if (!isCollection(value) || done.has(value)) return false;
  if (open.has(value)) return true;
  open.add(value);
  const cyclic = valuesOf(value).some((inner) => isCyclic(inner, open, done));
  open.delete(value);
  done.add(value);
  return cyclic;
}

function isCollection(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !(value instanceof Date) && !(value instanceof Uint8Array);
}

function toReading(value: unknown): Reading {
  if (value === null || value === undefined) return { type: 'null', value: '' };
  if (value instanceof Date) return { type: 'date', value: value.toISOString() };
  if (value instanceof Uint8Array) return { type: 'binary', value: Buffer.from(value).toString('base64') };
  return { type: typeof value, value: Object.is(value, -0) ? '-0' : String(value) };
}

function entryOf(map: object, key: string): { value: unknown } | undefined {
  const at = keysOf(map).lastIndexOf(key);
  return at < 0 ? undefined : { value: valuesOf(map)[at] };
}

function valuesOf(collection: object): unknown[] {
  if (Array.isArray(collection)) return collection;
  if (collection instanceof Map) return [...collection.values()];
  return collection instanceof Set ? Array<null>(collection.size).fill(null) : Object.values(collection);
}

function keyName(key: unknown): string {
  return typeof key === 'object' ? JSON.stringify(key) : String(key);
}
