/**
 * Renders a workflow for one of three targets. Text-preserving: only the lines that must differ are touched, so that the
 * result can be reviewed beside its source.
 */
import { type Document, isScalar, parseDocument, type Scalar, visit } from 'yaml';
import { actOnly } from './act.ts';

export type Target = 'github' | 'ghes' | 'act';
export const TARGETS: readonly Target[] = ['github', 'ghes', 'act'];

export interface RenderOptions {
  /** `owner/name` of this repository, for targets that do not know `$/`. */
  repository: string;
  /** Full tag or commit, for ghes. */
  ref: string;
}

/** A place in the text, and what stands there instead. */
export interface Edit {
  start: number;
  end: number;
  text: string;
}

/**
 * @param source text of a file in workflows/
 * @throws Error for Windows line ends, invalid YAML, or a `$/…@ref` (GitHub's own parser lets that pass)
 */
export function render(source: string, target: Target, options: RenderOptions): string {
  if (source.includes('\r')) throw new Error('Windows line ends: write workflows with LF');
  const document = parseDocument(source, { keepSourceTokens: true });
  const error = document.errors[0];
  if (error !== undefined) throw new Error(error.message);
  const edits = [
    ...selfReferences(document, target, options),
    ...(target === 'github' ? [] : unsupportedKeys(document, source)),
    ...(target === 'act' ? actOnly(document, source) : []),
  ];
  return edits
    .sort((a, b) => b.start - a.start)
    .reduce((text, e) => text.slice(0, e.start) + e.text + text.slice(e.end), source);
}

// Only the values of `uses` are references; the same text in a comment or a string stays what it is.
function selfReferences(document: Document, target: Target, options: RenderOptions): Edit[] {
  const edits: Edit[] = [];
  visit(document, {
    Pair(_key, pair) {
      if (!isScalar(pair.key) || pair.key.value !== 'uses' || !isScalar(pair.value)) return;
      const scalar = pair.value as Scalar<string>;
      const value = scalar.value;
      if (typeof value !== 'string' || !value.startsWith('$/')) return;
      if (value.includes('@')) throw new Error(`${value}: a reference to this repository takes no @ref`);
      if (target === 'github' || !scalar.range) return;
      const ref = target === 'act' ? 'local' : options.ref;
      edits.push({
        start: scalar.range[0],
        end: scalar.range[1],
        text: `${options.repository}/${value.slice(2)}@${ref}`,
      });
    },
  });
  return edits;
}

// `concurrency.queue` and `environment.deployment` are known to github.com alone.
function unsupportedKeys(document: Document, source: string): Edit[] {
  const edits: Edit[] = [];
  visit(document, {
    Pair(_key, pair, path) {
      if (!isScalar(pair.key) || !pair.key.range) return;
      const parent = path.findLast((node) => 'key' in node && node !== pair);
      const parentKey = parent !== undefined && 'key' in parent && isScalar(parent.key) ? parent.key.value : undefined;
      const drop =
        (pair.key.value === 'queue' && parentKey === 'concurrency') ||
        (pair.key.value === 'deployment' && parentKey === 'environment');
      if (!drop) return;
      const start = source.lastIndexOf('\n', pair.key.range[0]) + 1;
      const end = source.indexOf('\n', pair.key.range[0]) + 1;
      edits.push({ start, end, text: '' });
    },
  });
  return edits;
}
