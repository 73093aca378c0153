/** action.yml to what the runner needs of it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { convertActionTemplate, parseAction, type TemplateToken, trace } from './grammar.ts';
import { fields, list, pairs, stepDef } from './load.ts';
import type { StepDef } from './model.ts';
import { repairLines } from './multiline.ts';
import type { ActionPlace } from './resolve.ts';

export interface NodeRuns {
  using: 'node';
  main: string;
  pre?: string;
  preIf: string;
  post?: string;
  postIf: string;
}

export interface CompositeRuns {
  using: 'composite';
  steps: readonly StepDef[];
}

export interface ActionDef {
  name: string;
  inputs: ReadonlyMap<string, { default?: TemplateToken; deprecation?: string }>;
  /** Composite actions say the value, others only the name. */
  outputs: ReadonlyMap<string, TemplateToken | undefined>;
  runs: NodeRuns | CompositeRuns;
}

/** Reads and checks `action.yml` (or `action.yaml`) of a place. Throws naming the place. */
export async function loadAction(place: ActionPlace): Promise<ActionDef> {
  const text = (await read(join(place.folder, 'action.yml'))) ?? (await read(join(place.folder, 'action.yaml')));
  if (text === undefined) throw new Error(`"${place.uses}": no action.yml in ${place.folder}`);
  return parseActionFile(place.uses, text);
}

export function parseActionFile(label: string, text: string): ActionDef {
  const { context, value: root } = parseAction({ name: label, content: text }, trace);
  if (root !== undefined) repairLines(root, text);
  const template = root === undefined ? undefined : convertActionTemplate(context, root);
  const errors = context.errors.getErrors();
  if (root === undefined || template === undefined || errors.length > 0) {
    throw new Error(errors.map((error) => error.message).join('; '));
  }
  const top = fields(root);
  return {
    name: template.name,
    inputs: new Map(
      pairs(top.get('inputs')).map(([name, def]) => {
        const keys = fields(def);
        const value = keys.get('default');
        const deprecation = keys.get('deprecationMessage')?.toString();
        return [name, { ...(value && { default: value }), ...(deprecation && { deprecation }) }];
      }),
    ),
    outputs: new Map(pairs(top.get('outputs')).map(([name, def]) => [name, fields(def).get('value')])),
    runs: runsOf(label, template.runs, top.get('runs')),
  };
}

type TemplateRuns = ReturnType<typeof convertActionTemplate>['runs'];

function runsOf(label: string, runs: TemplateRuns, token: TemplateToken | undefined): NodeRuns | CompositeRuns {
  if (runs.using === 'docker') throw new Error(`"${label}": docker actions are refused by this runner`);
  if (runs.using === 'composite') {
    const raw = list(fields(token).get('steps'));
    return { using: 'composite', steps: runs.steps.map((step, index) => stepDef(step, fields(raw[index]))) };
  }
  if (runs.using === 'node12' || runs.using === 'node16') {
    throw new Error(`"${label}": ${runs.using} is gone from GitHub's runner: use node24`);
  }
  return {
    using: 'node',
    main: runs.main,
    ...(runs.pre !== undefined && { pre: runs.pre }),
    preIf: runs.preIf ?? 'always()',
    ...(runs.post !== undefined && { post: runs.post }),
    postIf: runs.postIf ?? 'always()',
  };
}

async function read(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
