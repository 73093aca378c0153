/** What was found, or not, in words: the text of a rules file, and an error that names what was looked for. */
import { stringify } from 'yaml';
import { ActionError } from '../../runner/index.ts';
import { oneLine } from '../../text/index.ts';
import type { MetricEntry } from '../templates/index.ts';
import type { ArmsFound } from './fit.ts';
import type { Labels } from './selector.ts';

/** The application that is looked for. */
export interface Application {
  namespace: string;
  app: string;
}

export function rulesText(
  metrics: readonly MetricEntry[],
  scrapes: number,
  arms: ArmsFound,
  { namespace, app }: Application,
): string {
  const comment = [
    `Found for ${oneLine(app, 100)} in ${oneLine(namespace, 100)}. Objectives (slo) are guesses from ten minutes: set your own.`,
    `stable-selector: ${oneLine(arms.stable, 500)}`,
    `canary-selector: ${oneLine(arms.canary, 500)}`,
  ];
  const interval = `${Math.min(300, Math.max(15, scrapes))}s`;
  return `${comment.map((line) => `# ${line}\n`).join('')}${stringify({ version: 1, interval, metrics }, { lineWidth: 0 })}`;
}

export function nothingFits(wanted: Application, looked: readonly string[], labels: readonly string[]): ActionError {
  const seen =
    labels.length === 0
      ? 'no series has the label namespace with this value'
      : `labels there: ${labels.slice(0, 30).join(', ')}`;
  return new ActionError('E_DISCOVERY', {
    what: `metrics of ${oneLine(wanted.app, 100)} in namespace ${oneLine(wanted.namespace, 100)}`,
    why: `nothing fits. Looked for ${looked.join('; ')}; ${seen}`,
    fix: 'Write the rules file yourself, or give stable-selector and canary-selector',
  });
}

/** Values of labels that could have told the versions apart. */
export function labelValues(series: readonly Labels[]): string {
  const told = ['track', 'version', 'destination_version', 'deployment', 'service', 'canary'].flatMap((label) => {
    const values = [...new Set(series.map((labels) => labels[label] ?? ''))].filter((value) => value !== '');
    return values.length === 0
      ? []
      : [
          `${label}=${values
            .slice(0, 3)
            .map((v) => oneLine(v, 60))
            .join('|')}`,
        ];
  });
  return told.length === 0 ? 'no track, version, deployment or service' : told.join(', ');
}
