/** Prints what happens, as it happens. */
import { formatSeconds, oneLine } from '../../src/text/index.ts';
import type { RunEvent } from '../runner/index.ts';

export interface Progress {
  info(text: string): void;
  title(text: string): void;
  /** For runWorkflow: one line a job, notices and errors under it. */
  onEvent(event: RunEvent): void;
}

export function consoleProgress(quiet: boolean, start = performance.now()): Progress {
  const print = (text: string): void => {
    if (quiet) return;
    for (const line of text.split('\n'))
      console.log(`${((performance.now() - start) / 1000).toFixed(1).padStart(6)}  ${line}`);
  };
  return {
    info: (text) => print(`  ${text}`),
    title: (text) => print(`\n${' '.repeat(8)}${text}`.replace(/^\n\s+/, '')),
    onEvent(event) {
      if (event.type === 'job-ended' && event.conclusion !== 'skipped')
        print(`    ${mark(event.conclusion)} ${event.job} (${formatSeconds(event.seconds)})`);
      if (event.type === 'annotation' && event.annotation.level !== 'warning')
        print(`      ${oneLine(event.annotation.message, 300)}`);
    },
  };
}

function mark(conclusion: string): string {
  return conclusion === 'success' ? 'ok  ' : conclusion === 'failure' ? 'RED ' : `${conclusion} `;
}
