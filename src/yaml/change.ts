/** What is wanted in a place, and how it is written. */
import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { JUDGES } from './judges.ts';
import { formatPath, type ValuePath } from './path.ts';
import { isUnwritable, type QuoteStyle, renderString } from './quote.ts';
import { readShort } from './short.ts';
import { type Reading, readingAt } from './values.ts';

export type ScalarType = 'string' | 'number' | 'boolean' | 'null';

export interface Change {
  document: number | undefined;
  path: ValuePath;
  /**
   * A string; or what is to stand in the file for a number, boolean or null, such as `1.10`, `0x10`, `True`, `~`. Null as '' stands for
   * nothing at all: `tag:`.
   */
  value: string;
  type: ScalarType;
  /** Any type may replace any other (image keys: a tag `1.10` that was written without quotes is a number). */
  mayChangeType: boolean;
  /** `create` adds the key, and maps on the way to it, where they are missing. */
  ifMissing?: 'error' | 'create';
  /** A plain string becomes a quoted one, also where it need not be. */
  quoted?: boolean;
}

// Words that can stand for a value of the type in some version of YAML, and that mean nothing else wherever they are written.
const WORDS: Readonly<Record<Exclude<ScalarType, 'string'>, RegExp>> = {
  number: /^[-+]?[.0-9][.0-9A-Za-z_+-]*$/,
  boolean: /^[A-Za-z]{1,5}$/,
  null: /^(~|[A-Za-z]{4}|)$/,
};

/** What each judge reads where the change is written as it says; undefined when they do not agree, or read another type. */
export function agreedReadings(change: Change): readonly Reading[] | undefined {
  const { type, value } = change;
  if (type === 'string') return JUDGES.map(() => ({ type, value }));
  if (!WORDS[type].test(value)) return undefined;
  const readings = readShort(`- ${value}\n`)?.map((list) => readingAt([list], [0, 0]));
  const first = readings?.[0];
  if (readings === undefined || first === undefined) return undefined;
  return readings.every((r) => r?.type === type && r.value === first.value) ? (readings as Reading[]) : undefined;
}

/** @throws ActionError E_INPUT (what no scalar may hold), E_TYPE_CHANGED (parsers disagree about the value) */
export function checkedReadings(change: Change): readonly Reading[] {
  const what = `value for ${oneLine(formatPath(change.path), 200)}`;
  if (change.type === 'string' && isUnwritable(change.value)) {
    const why = 'it holds control characters or is no well-formed text';
    throw new ActionError('E_INPUT', { what, why, fix: 'Correct the value' });
  }
  const readings = agreedReadings(change);
  if (readings === undefined) {
    throw new ActionError('E_TYPE_CHANGED', {
      what,
      why: `not every parser reads "${oneLine(change.value, 80)}" as the same ${change.type}`,
      fix: 'Write the value in a form that means the same in YAML 1.1 and 1.2',
    });
  }
  if (change.type === 'number' && !Number.isFinite(Number(readings[0]?.value))) {
    const why = `"${oneLine(change.value, 80)}" is no finite number`;
    throw new ActionError('E_INPUT', { what, why, fix: 'Correct the value' });
  }
  return readings;
}

/** Text for the file. The style counts for strings alone. */
export function renderChange(change: Change, style: QuoteStyle): string {
  if (change.type !== 'string') return change.value;
  return renderString(change.value, change.quoted === true && style === 'plain' ? 'double' : style);
}
