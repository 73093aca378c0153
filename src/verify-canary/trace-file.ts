/** Trace files: read whole with every rule checked, written line by line. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { ActionError, type ErrorCode } from '../runner/index.ts';
import { nearest, oneLine } from '../text/index.ts';
import { canonicalLine, parseLine, spanOf, TraceError, type TraceLine } from './core/index.ts';

export interface TraceText {
  lines: TraceLine[];
  /** The last line had no line break: its writer was killed, the line was dropped. */
  cut: boolean;
}

const MAX_LINES = 100_000;
const MAX_BYTES = 512 * 1024 * 1024;

/** @param missing the code when there is no such file @throws ActionError */
export async function readTrace(path: string, shown: string, missing: ErrorCode): Promise<TraceText> {
  const what = `trace ${oneLine(shown, 200)}`;
  let text: string;
  try {
    if ((await stat(path)).size > MAX_BYTES) throw new TraceError('the file is larger than 512 MiB');
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof TraceError) throw invalid(what, error.message, shown, 1);
    const code = (error as NodeJS.ErrnoException).code ?? '';
    throw new ActionError(missing, {
      what,
      why: code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`,
      fix: 'Give the trace.jsonl that an earlier run of this action wrote',
      cause: error,
    });
  }
  return parseTrace(text, shown);
}

export function parseTrace(text: string, shown: string): TraceText {
  const what = `trace ${oneLine(shown, 200)}`;
  const rows = text.split('\n');
  const cut = rows.pop() !== '';
  if (rows.length > MAX_LINES) throw invalid(what, `it has more than ${MAX_LINES} lines`, shown, MAX_LINES + 1);
  let last = 0;
  const lines = rows.map((row, i): TraceLine => {
    try {
      const line = parseLine(row);
      const span = spanOf(line);
      if (span === null && i > 0) throw new TraceError('a header may only be the first line');
      if (span !== null && span.start < last) throw new TraceError('it begins before the line above it ends');
      last = span?.end ?? last;
      return line;
    } catch (error) {
      if (!(error instanceof TraceError)) throw error;
      throw invalid(what, `line ${i + 1}: ${explain(error)}`, shown, i + 1);
    }
  });
  return { lines, cut };
}

function explain(error: TraceError): string {
  if (error.unknown === undefined) return error.message;
  const { key, known } = error.unknown;
  const near = nearest(key, known);
  return `unknown key ${oneLine(key, 60)}${near === undefined ? '' : `; did you mean ${near}?`}`;
}

function invalid(what: string, why: string, file: string, line: number): ActionError {
  return new ActionError('E_TRACE_INVALID', {
    what,
    why,
    fix: 'Use the file as this action wrote it; the README describes every line',
    at: { file, line },
  });
}

/** Writes canonical lines, one write each, and digests them. */
export interface TraceWriter {
  add(line: TraceLine): void;
  /** `sha256:…` over the canonical lines so far, each with its LF. */
  digest(): string;
  close(): void;
}

/** @param path null: digest only @throws when the file cannot be written */
export function openTraceWriter(path: string | null, order: readonly string[]): TraceWriter {
  const hash = createHash('sha256');
  const file = path === null ? null : openSync(path, 'w');
  return {
    add(line) {
      const text = `${canonicalLine(line, order)}\n`;
      hash.update(text);
      if (file !== null) writeSync(file, text);
    },
    digest: () => `sha256:${hash.copy().digest('hex')}`,
    close() {
      if (file !== null) closeSync(file);
    },
  };
}
