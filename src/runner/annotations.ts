/** Annotations: what GitHub shows beside the code and on the run page, within GitHub's limits. */
import { oneLine } from '../text/index.ts';
import type { Place } from './errors.ts';

export type Level = 'error' | 'warning' | 'notice';

export interface Annotation {
  level: Level;
  message: string;
  /** E_… or W_…; becomes the title when there is no other. */
  code?: string;
  title?: string;
  at?: Place;
  /** Smaller is shown first; equal ranks keep their order. */
  rank?: number;
}

/** GitHub keeps 10 annotations a level and step, and drops the rest without a word. */
const PER_LEVEL = 10;
/** GitHub cuts an annotation at 4,096 characters. */
const MAX_MESSAGE = 4096;

/**
 * Ranks the annotations and keeps at most 10 a level. When some do not fit, the last one kept says how many more.
 * Pure; the order inside a level is by rank, then as given.
 */
export function capAnnotations(all: readonly Annotation[], perLevel = PER_LEVEL): Annotation[] {
  const kept: Annotation[] = [];
  for (const level of ['error', 'warning', 'notice'] as const) {
    const ranked = all.filter((a) => a.level === level).sort((a, b) => (a.rank ?? 0) - (b.rank ?? 0));
    if (ranked.length <= perLevel) {
      kept.push(...ranked);
      continue;
    }
    const more = ranked.length - perLevel + 1;
    kept.push(...ranked.slice(0, perLevel - 1), {
      level,
      message: `${more} more ${level}s: see the summary of this run.`,
    });
  }
  return kept;
}

/** A workflow command for one annotation. Data and properties are escaped as @actions/core does, after {@link oneLine}. */
export function annotationCommand(a: Annotation): string {
  const properties: string[] = [];
  const add = (name: string, value: string | number | undefined): void => {
    if (value !== undefined && value !== '') properties.push(`${name}=${escapeProperty(oneLine(String(value), 500))}`);
  };
  add('title', a.title ?? a.code);
  add('file', a.at?.file);
  add('line', a.at?.line);
  add('endLine', a.at?.endLine);
  add('col', a.at?.column);
  return `::${a.level}${properties.length > 0 ? ` ${properties.join(',')}` : ''}::${escapeData(oneLine(a.message, MAX_MESSAGE))}`;
}

export function escapeData(value: string): string {
  return value.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
}

function escapeProperty(value: string): string {
  return escapeData(value).replace(/:/g, '%3A').replace(/,/g, '%2C');
}
