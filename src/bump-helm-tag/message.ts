/** The commit message: a template of the user, and our trailers. No variable can add a line, a trailer or a workflow word. */
import { ActionError } from '../runner/index.ts';
import { nearest, oneLine, truncateBytes } from '../text/index.ts';
import type { CommitMessage } from './config-repository.ts';
import { defuse } from './trailers.ts';

export const VARIABLES = [
  'image',
  'image-name',
  'tag',
  'digest',
  'short-digest',
  'version',
  'revision',
  'short-revision',
  'source-repository',
  'ref-name',
  'files',
  'actor',
  'run-url',
  'reason',
] as const;
export type Variables = Readonly<Record<(typeof VARIABLES)[number], string>>;

/** @throws ActionError E_INPUT for an unknown variable; the nearest known one is named */
export function checkTemplate(template: string): void {
  for (const [, open, name = ''] of template.matchAll(/(\{\{)|\{([^{}]*)\}/g)) {
    if (open !== undefined || (VARIABLES as readonly string[]).includes(name)) continue;
    const near = nearest(name, VARIABLES);
    throw new ActionError('E_INPUT', {
      what: 'input message',
      why: `{${oneLine(name, 60)}} is not a variable${near === undefined ? '' : `; did you mean {${near}}`}`,
      fix: `Known are ${VARIABLES.map((v) => `{${v}}`).join(' ')}; write {{ for a brace`,
    });
  }
}

/** @param trailers the block, already rendered */
export function renderMessage(template: string, variables: Variables, trailers: string): CommitMessage {
  const filled = template.replace(/\{\{|\{([a-z-]+)\}/g, (all, name?: string) =>
    name === undefined ? '{' : value(variables[name as keyof Variables] ?? all),
  );
  const [first = '', ...rest] = filled.split('\n');
  const headline = defuse(oneLine(first, 72)).trim() || 'bump';
  // A template whose last lines look like trailers would merge with ours: a plain line keeps them apart.
  const body = truncateBytes(
    rest
      .map((line) => defuse(oneLine(line)))
      .join('\n')
      .trim(),
    8 * 1024,
  );
  return { headline, body: body === '' ? trailers : `${body}\n\n${trailers}` };
}

function value(text: string): string {
  return defuse(oneLine(text, 200).replace(/\\u\{[0-9a-f]+\}/g, ''));
}
