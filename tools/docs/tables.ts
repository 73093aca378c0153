/** Tables out of action.yml and workflow files. Pure. */

interface Parameter {
  description?: string;
  required?: boolean;
  default?: unknown;
  type?: string;
}

export interface Manifest {
  inputs?: Record<string, Parameter>;
  outputs?: Record<string, { description?: string }>;
}

export interface Workflow {
  on: {
    workflow_call?: {
      inputs?: Record<string, Parameter>;
      outputs?: Record<string, { description?: string }>;
      secrets?: Record<string, Parameter>;
    };
  };
}

/** Sections `inputs` and `outputs` of one action. */
export function actionTables(manifest: Manifest): Map<string, string> {
  return new Map([
    ['inputs', inputTable(manifest.inputs ?? {})],
    [
      'outputs',
      table(
        ['output', 'content'],
        Object.entries(manifest.outputs ?? {}).map(([name, o]) => [code(name), o.description ?? '']),
      ),
    ],
  ]);
}

/** Sections `inputs`, `secrets` and `outputs` of one reusable workflow. */
export function workflowTables(workflow: Workflow): Map<string, string> {
  const call = workflow.on.workflow_call ?? {};
  return new Map([
    ['inputs', inputTable(call.inputs ?? {})],
    [
      'secrets',
      table(
        ['secret', 'meaning'],
        Object.entries(call.secrets ?? {}).map(([name, s]) => [code(name), s.description ?? '']),
      ),
    ],
    [
      'outputs',
      table(
        ['output', 'content'],
        Object.entries(call.outputs ?? {}).map(([name, o]) => [code(name), o.description ?? '']),
      ),
    ],
  ]);
}

/**
 * The permissions a caller must grant: the widest of each scope over all jobs, with the reason written beside it.
 * Read from the text, because the reasons are comments.
 */
export function permissionBlock(source: string): string {
  const widest = new Map<string, { level: string; reasons: Set<string> }>();
  for (const match of source.matchAll(/^ {6}([a-z-]+): (read|write) # (.+)$/gm)) {
    const [, scope = '', level = '', reason = ''] = match;
    const entry = widest.get(scope) ?? { level, reasons: new Set<string>() };
    if (level === 'write') entry.level = 'write';
    entry.reasons.add(reason);
    widest.set(scope, entry);
  }
  return table(
    ['permission', 'why'],
    [...widest].map(([scope, e]) => [code(`${scope}: ${e.level}`), [...e.reasons].join('; ')]),
  );
}

function inputTable(inputs: Record<string, Parameter>): string {
  const rows = Object.entries(inputs).map(([name, input]) => [
    code(name),
    input.required === true ? 'required' : shownDefault(input.default),
    input.description ?? '',
  ]);
  return table(['input', 'default', 'meaning'], rows);
}

function shownDefault(value: unknown): string {
  return value === undefined || value === '' ? '' : code(String(value));
}

function code(text: string): string {
  return `\`${text}\``;
}

function table(head: string[], rows: string[][]): string {
  if (rows.length === 0) return 'None.';
  const line = (cells: string[]): string =>
    `| ${cells.map((c) => c.replace(/\s+/g, ' ').replace(/\|/g, '\\|').trim()).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
