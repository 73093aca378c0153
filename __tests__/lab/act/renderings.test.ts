/** What github.com, GHES and act are given is the same program: the renderings differ in how they name this repository alone. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { load } from 'js-yaml';
import { render, TARGETS } from '../../../tools/render/render.ts';
import { root } from '../../support/bundle.ts';

interface Step {
  uses?: string;
}
interface Workflow {
  on: { workflow_call: unknown };
  concurrency?: { queue?: unknown };
  jobs: Record<string, { uses?: string; environment?: string | { deployment?: unknown }; steps?: Step[] }>;
}

const options = { repository: 'org/actions', ref: 'v1.2.3' };
const folder = join(root, 'workflows');

/** The whole file, with references to this repository named alike and the two keys that only github.com knows left out. */
function program(text: string): Workflow {
  const workflow = load(text) as Workflow;
  const own = <T extends Step>(part: T): T => {
    if (part.uses === undefined) return part;
    return { ...part, uses: part.uses.replace(/^org\/actions\/(.+)@(v1\.2\.3|local)$/, '$$/$1') };
  };
  delete workflow.concurrency?.queue;
  for (const [id, job] of Object.entries(workflow.jobs)) {
    if (typeof job.environment === 'object') delete job.environment.deployment;
    workflow.jobs[id] = { ...own(job), ...(job.steps !== undefined && { steps: job.steps.map(own) }) };
  }
  return workflow;
}

describe.each(readdirSync(folder).filter((file) => file.endsWith('.yml')))('%s', (file) => {
  const source = readFileSync(join(folder, file), 'utf8');
  test.each(TARGETS)('as %s: equal in jobs, needs, conditions, steps, inputs and outputs', (target) => {
    const rendered = render(source, target, options);
    expect(program(rendered)).toEqual(program(source));
    // No target but github.com may be left with a reference that it does not know.
    expect(/^\s*(- )?uses: \$\//m.test(rendered)).toBe(target === 'github' && /uses: \$\//.test(source));
  });
});
