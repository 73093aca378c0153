/** Opening a YAML file that is to be edited: strict bytes, limits, and four judges that must all accept it. */
import { LineCounter } from 'yaml';
import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { type Readings, Refusal, readAll } from './judges.ts';
import { type Comment, parseTokens } from './tokens.ts';

const MAX_FILE_BYTES = 2 * 1024 * 1024;

export interface YamlSource extends Readings {
  file: string;
  text: string;
  lines: LineCounter;
  comments: readonly Comment[];
}

/**
 * @param file name for messages and annotations
 * @throws ActionError E_FILE_TOO_LARGE, E_NOT_UTF8, E_LFS_POINTER, E_YAML_INVALID (with the judge and the line)
 */
export function openSource(bytes: Uint8Array, file: string): YamlSource {
  const shown = oneLine(file, 200);
  if (bytes.length > MAX_FILE_BYTES) {
    throw new ActionError('E_FILE_TOO_LARGE', {
      what: `file ${shown}`,
      why: `${bytes.length} bytes are more than ${MAX_FILE_BYTES}`,
      fix: 'Split it',
      at: { file },
    });
  }
  const text = decodeText(bytes, file);
  if (text.startsWith('version https://git-lfs.github.com/spec/')) {
    throw new ActionError('E_LFS_POINTER', {
      what: `file ${shown}`,
      why: 'it is a Git LFS pointer, not YAML',
      fix: 'Keep values files out of LFS',
      at: { file },
    });
  }
  return readSource(text, file);
}

/** Parses a text with all four judges. @throws ActionError E_YAML_INVALID */
export function readSource(text: string, file: string): YamlSource {
  // None of the four takes these for line ends, but Helm's reader does: what is a comment to one is a key to the other.
  const odd = /\r(?!\n)|[\u0085\u2028\u2029]/.exec(text);
  if (odd !== null) {
    const why =
      odd[0] === '\r' ? 'lone carriage returns end its lines' : 'it holds a line end that only some readers see';
    throw invalid(file, why, text.slice(0, odd.index).split('\n').length);
  }
  try {
    const lines = new LineCounter();
    const { tokens, comments } = parseTokens(text, lines);
    return { file, text, lines, comments, ...readAll(text, tokens, lines) };
  } catch (error) {
    if (error instanceof Refusal) throw invalid(file, error.message, error.line, error.cause);
    throw error;
  }
}

/** Strict UTF-8; a byte order mark stays. @throws ActionError E_NOT_UTF8 */
export function decodeText(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new ActionError('E_NOT_UTF8', {
      what: `file ${oneLine(file, 200)}`,
      why: 'it is not UTF-8',
      fix: 'Save it as UTF-8',
      at: { file },
      cause,
    });
  }
}

function invalid(file: string, why: string, line?: number, cause?: unknown): ActionError {
  return new ActionError('E_YAML_INVALID', {
    what: `file ${oneLine(file, 200)}${line === undefined ? '' : `, line ${line}`}`,
    why: oneLine(why, 300),
    fix: 'Make it plain YAML that every parser reads; a template is no values file',
    at: line === undefined ? { file } : { file, line },
    cause,
  });
}
