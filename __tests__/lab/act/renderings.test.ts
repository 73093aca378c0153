/**
 * What github.com, GHES and act are given is the same program. The renderings differ in how they name this repository, and act is
 * given two guard steps in a job whose cells a red one stops (it goes on after a red cell), and an empty map of outputs where
 * there is none.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { load } from 'js-yaml';
import { GUARDS } from '../../../tools/render/act.ts';
import { render, TARGETS, type Target } from '../../../tools/render/render.ts';
import { root } from '../../support/bundle.ts';

interface Step {
  name?: string;
  uses?: string;
}
interface Workflow {
  on: { workflow_call: unknown };
  concurrency?: { queue?: unknown };
  jobs: Record<
    string,
    { uses?: string; environment?: string | { deployment?: unknown }; outputs?: object; steps?: Step[] }
  >;
}

const options = { repository: 'org/actions', ref: 'v1.2.3' };
const folder = join(root, 'workflows');

/** The whole file, with references to this repository named alike and the two keys that only github.com knows left out. */
function program(text: string, target: Target): Workflow {
  const workflow = load(text) as Workflow;
  const own = <T extends Step>(part: T): T => {
    if (part.uses === undefined) return part;
    return { ...part, uses: part.uses.replace(/^org\/actions\/(.+)@(v1\.2\.3|local)$/, '$$/$1') };
  };
  delete workflow.concurrency?.queue;
  for (const [id, job] of Object.entries(workflow.jobs)) {
    if (typeof job.environment === 'object') delete job.environment.deployment;
    if (target === 'act' && Object.keys(job.outputs ?? { some: '' }).length === 0) delete job.outputs;
    const steps = target === 'act' ? job.steps?.filter((step) => !isGuard(step)) : job.steps;
    workflow.jobs[id] = { ...own(job), ...(steps !== undefined && { steps: steps.map(own) }) };
  }
  return workflow;
}

function isGuard(step: Step): boolean {
  return (GUARDS as readonly (string | undefined)[]).includes(step.name);
}

describe.each(readdirSync(folder).filter((file) => file.endsWith('.yml')))('%s', (file) => {
  const source = readFileSync(join(folder, file), 'utf8');
  test.each(TARGETS)('as %s: equal in jobs, needs, conditions, steps, inputs and outputs', (target) => {
    const rendered = render(source, target, options);
    expect(program(rendered, target)).toEqual(program(source, 'github'));
    // No target but github.com may be left with a reference that it does not know.
    expect(/^\s*(- )?uses: \$\//m.test(rendered)).toBe(target === 'github' && /uses: \$\//.test(source));
  });
});

test('under act the guards stand first and last in the one job that a red cell stops, and in no other', () => {
  const guarded = readdirSync(folder)
    .filter((file) => file.endsWith('.yml'))
    .flatMap((file) => {
      const { jobs } = load(render(readFileSync(join(folder, file), 'utf8'), 'act', options)) as Workflow;
      return Object.entries(jobs).flatMap(([id, { steps = [] }]) => {
        const places = steps.flatMap((step, index) =>
          isGuard(step) ? [index - (index === 0 ? 0 : steps.length)] : [],
        );
        return places.length === 0 ? [] : [`${file} ${id}: ${places.join(' ')}`];
      });
    });
  expect(guarded).toEqual(['canary.yml stage: 0 -1']);
});
