/** Prints what happens, as it happens. */
import { formatSeconds, oneLine } from '../../src/text/index.ts';
import type { RunEvent } from '../runner/index.ts';

/** Lines of a failed step that are shown. */
const TAIL = 12;

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
  const tails = new Map<string, string[]>();
  const tailOf = (job: string, step: string): string[] => {
    const key = `${job}\0${step}`;
    const tail = tails.get(key) ?? [];
    tails.set(key, tail);
    return tail;
  };
  return {
    info: (text) => print(`  ${text}`),
    title: (text) => print(`\n${' '.repeat(8)}${text}`.replace(/^\n\s+/, '')),
    onEvent(event) {
      if (event.type === 'log') {
        const tail = tailOf(event.job, event.step);
        tail.push(event.line);
        if (tail.length > TAIL) tail.shift();
      }
      if (event.type === 'step-ended' && event.conclusion === 'failure') {
        print(`      ${event.job}: step ${oneLine(event.step, 80)} failed`);
        for (const line of tailOf(event.job, event.step)) print(`        | ${oneLine(line, 300)}`);
      }
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
