/** The log of a run that also keeps its warnings, and takes secrets out of texts that go elsewhere. */
import type { Log } from '../runner/index.ts';
import type { Progress } from './result.ts';

export interface Remembering {
  log: Log;
  /** The text with every secret masked so far as `***`: runners mask the log alone, and not all of them do. */
  redact(text: string): string;
}

const SHORTEST_LINE = 4;

export function remembering(plain: Log, { warnings }: Progress): Remembering {
  const secrets = new Set<string>();
  const redact = (text: string): string => {
    let result = text;
    // The longest first: one may hold another.
    for (const secret of [...secrets].sort((a, b) => b.length - a.length)) result = result.replaceAll(secret, '***');
    return result;
  };
  const log: Log = {
    ...plain,
    warning(code, text, at) {
      warnings.push({ code, text: redact(text) });
      plain.warning(code, text, at);
    },
    mask(secret) {
      for (const part of [secret.trim(), ...secret.split(/\r?\n/)]) {
        if (part.trim().length >= SHORTEST_LINE) secrets.add(part);
      }
      plain.mask(secret);
    },
  };
  return { log, redact };
}
