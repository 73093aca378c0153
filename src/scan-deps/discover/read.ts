/** One file through the extractor of its format. */
import type { Extracted } from '../extract/context.ts';
import { extractorOf, type SingleFormat } from '../extract/index.ts';
import type { Problem } from '../types.ts';
import type { Workspace } from './workspace.ts';

/** @param files those of the scanned folders */
export async function readOne(
  file: string,
  format: SingleFormat,
  workspace: Workspace,
  files: readonly string[],
): Promise<Extracted> {
  const failed = (code: Problem['code'], message: string): Extracted => {
    return { file, format, status: 'failed', deps: [], problems: [{ code, message, file }] };
  };
  const bytes = workspace.read(file);
  if (bytes === 'too-big') return failed('E_LIMIT', `it is larger than ${workspace.limits.fileBytes} bytes`);
  if (typeof bytes === 'string')
    return failed('E_UNREADABLE', `it is ${bytes === 'missing' ? 'not there' : 'no file of the workspace'}`);
  const text = decode(bytes);
  if (text === undefined) return failed('E_UNREADABLE', 'it is not UTF-8');
  const extract = await extractorOf(format);
  return extract(text, file, { read: workspace.read, limits: workspace.limits, files });
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
