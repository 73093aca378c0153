/** strategy.matrix to its cells, by the rules of GitHub: cross product, then exclude, then include. */
import { isRecord, type Value } from './evaluate.ts';

type Cell = Readonly<Record<string, Value>>;

export interface Strategy {
  cells: readonly { matrix: Cell; name: string }[];
  failFast: boolean;
  maxParallel: number;
}

const MAX_CELLS = 256;
const MAX_NAME = 100;

/**
 * @param strategy value of `strategy`, evaluated
 * @param jobName put before the values: `test (3.12, linux)`
 */
export function planStrategy(strategy: Value, jobName: string): Strategy {
  if (!isRecord(strategy)) throw new Error('strategy is no mapping');
  const matrix = strategy.matrix;
  const failFast = strategy['fail-fast'];
  const most = strategy['max-parallel'];
  if (most !== undefined && (typeof most !== 'number' || most < 1))
    throw new Error('max-parallel is no number above 0');
  return {
    cells: matrix === undefined ? [{ matrix: {}, name: jobName }] : cells(matrix, jobName),
    failFast: failFast !== false,
    maxParallel: typeof most === 'number' ? most : Number.POSITIVE_INFINITY,
  };
}

function cells(matrix: Value, jobName: string): { matrix: Cell; name: string }[] {
  if (!isRecord(matrix)) throw new Error('strategy.matrix is no mapping');
  const { include: includeValue, exclude: excludeValue, ...vectors } = matrix;
  for (const [key, vector] of Object.entries(vectors)) {
    if (!Array.isArray(vector)) throw new Error(`matrix vector '${key}' is no list`);
    if (vector.length === 0) throw new Error(`Matrix vector '${key}' does not contain any values`);
  }
  const exclude = mappings(excludeValue, 'exclude');
  const include = mappings(includeValue, 'include').map((item) => ({ item, used: false }));

  const found = product(vectors as Record<string, readonly Value[]>)
    .filter((cell) => !exclude.some((filter) => matches(filter, cell)))
    .map((cell) => {
      const name = cellName(jobName, cell);
      const extra: Record<string, Value> = {};
      for (const entry of include) {
        const filter = Object.fromEntries(Object.entries(entry.item).filter(([key]) => key in vectors));
        if (!matches(filter, cell)) continue;
        entry.used = true;
        for (const [key, value] of Object.entries(entry.item)) if (!(key in vectors)) extra[key] = value;
      }
      return { matrix: { ...cell, ...extra }, name };
    });
  for (const { item, used } of include) if (!used) found.push({ matrix: item, name: cellName(jobName, item) });
  if (found.length === 0) throw new Error('Matrix must define at least one cell');
  if (found.length > MAX_CELLS) throw new Error(`Matrix has ${found.length} cells, the most is ${MAX_CELLS}`);
  return found;
}

function product(vectors: Readonly<Record<string, readonly Value[]>>): Cell[] {
  const names = Object.keys(vectors);
  if (names.length === 0) return [];
  return names.reduce<Cell[]>(
    (all, name) => all.flatMap((cell) => (vectors[name] ?? []).map((value) => ({ ...cell, [name]: value }))),
    [{}],
  );
}

function mappings(value: Value, key: string): Cell[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || !value.every(isRecord)) throw new Error(`strategy.matrix.${key} is no list of mappings`);
  return value;
}

/** Every key of the filter has the cell's value; a nested mapping is matched by its own keys. */
function matches(filter: Cell, cell: Cell): boolean {
  return Object.entries(filter).every(([key, wanted]) => {
    const actual = cell[key];
    if (isRecord(wanted)) return isRecord(actual) && matches(wanted, actual);
    return JSON.stringify(wanted) === JSON.stringify(actual);
  });
}

/** All scalar values, also those inside mappings, cut at 100 characters. */
function cellName(jobName: string, cell: Cell): string {
  const values = scalars(cell);
  const name = values.length === 0 ? jobName : `${jobName} (${values.join(', ')})`;
  return name.length > MAX_NAME ? `${name.slice(0, MAX_NAME - 3)}...` : name;
}

function scalars(value: Value): string[] {
  if (value === null || value === undefined || value === '') return [];
  if (typeof value !== 'object') return [String(value)];
  return (Array.isArray(value) ? [...value] : Object.values(value)).flatMap(scalars);
}
