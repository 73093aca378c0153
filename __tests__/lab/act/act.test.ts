/** What stands around act: its version, the folders it is given, and what its log means. The log lines are as act 0.2.89 writes them. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { load } from 'js-yaml';
import { actLog, type LogEvent } from '../../../lab/act/log.ts';
import { checkName, findPlace, topPlace } from '../../../lab/act/places.ts';
import { replayJobs } from '../../../lab/act/replay.ts';
import { standinTrees, suiteTree } from '../../../lab/act/trees.ts';
import { labStandins, leafJobs, type Repositories } from '../../../lab/runner/index.ts';
import { loadTree, type WorkflowNode } from '../../../lab/runner/tree.ts';
import { isNewEnough } from '../../../lab/setup/act.ts';
import { GUARDS } from '../../../tools/render/act.ts';

test.each<[string, boolean]>([
  ['0.2.85', false],
  ['0.1.99', false],
  ['0.2.86', true],
  ['0.2.100', true],
  ['0.3.0', true],
  ['1.0.0', true],
])('act %s is new enough: %s', (version, enough) => {
  expect(isNewEnough(version)).toBe(enough);
});

describe('folders', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'act-trees-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('each stand-in has its programs, and they find what they share', async () => {
    const standins = labStandins();
    const trees = await standinTrees(join(folder, 'standins'), standins);
    const places = Object.entries(standins.pins).map(([action, pin]) => {
      const [owner, name, ...path] = action.split('/');
      return join(trees[`${owner}/${name}@${pin.commit}`] ?? '', ...path);
    });
    expect(places.length).toBeGreaterThan(5);
    for (const place of places) {
      const { runs } = load(readFileSync(join(place, 'action.yml'), 'utf8')) as { runs: Record<string, string> };
      for (const key of ['main', 'post'].filter((name) => runs[name] !== undefined)) {
        const program = join(place, runs[key] ?? '');
        const imports = [...readFileSync(program, 'utf8').matchAll(/from '(\.[^']+)'/g)].map((match) => match[1] ?? '');
        expect(imports.filter((path) => !existsSync(join(program, '..', path)))).toEqual([]);
      }
    }
  });
  test('the suite has its workflows and all that its actions start', async () => {
    const trees = await suiteTree({ folder: join(folder, 'suite'), name: 'org/actions', refs: ['v1'] });
    expect(Object.keys(trees)).toEqual(['org/actions@v1', 'org/actions@local']);
    const deliver = readFileSync(join(folder, 'suite/.github/workflows/deliver.yml'), 'utf8');
    expect(deliver).toContain('uses: org/actions/.github/workflows/canary.yml@local');
    const action = join(folder, 'suite/actions/bump-helm-tag');
    const { runs } = load(readFileSync(join(action, 'action.yml'), 'utf8')) as { runs: { main: string } };
    expect(existsSync(join(action, runs.main))).toBe(true);
  });
});

const CALLER = `
name: top
on: push
jobs:
  deliver:
    uses: org/suite/.github/workflows/inner.yml@v1
`;
const INNER = `
name: inner
on:
  workflow_call:
    outputs:
      digest: { value: "\${{ jobs.build.outputs.digest }}" }
      undone: { value: "\${{ jobs.revert.outputs.commit }}" }
jobs:
  build:
    runs-on: ubuntu-latest
    env: { KIND: "\${{ github.event_name }}" }
    outputs: { digest: "\${{ steps.image.outputs.digest }}", kind: "\${{ env.KIND }}" }
    steps: [{ id: image, run: "true" }]
  stage:
    name: stage \${{ matrix.stage.name }}
    needs: build
    runs-on: ubuntu-latest
    strategy: { max-parallel: 1, matrix: { stage: [{ name: 5% }, { name: 10% }] } }
    steps: [{ id: verify, run: "true" }]
  test:
    runs-on: ubuntu-latest
    strategy: { matrix: { python: ["3.12"] } }
    steps: [{ run: "true" }]
  revert:
    needs: stage
    if: failure()
    runs-on: ubuntu-latest
    outputs: { commit: "\${{ steps.bump.outputs.commit }}" }
    steps: [{ id: bump, run: "true" }]
`;

async function tree(): Promise<WorkflowNode> {
  const files: Readonly<Record<string, string>> = { 'org/app': CALLER, 'org/suite': INNER };
  const repositories: Repositories = Object.fromEntries(
    Object.entries(files).map(([name, text]) => [
      name,
      async (ref: string) => ({ name, ref, sha: 'a'.repeat(40), read: async () => text }),
    ]),
  );
  const file = '.github/workflows/top.yml';
  const { node, errors } = await loadTree({
    repositories,
    repo: 'org/app',
    sha: 'a'.repeat(40),
    file,
    event: 'push',
    defaultPermissions: 'read',
  });
  expect(errors).toEqual([]);
  return node as WorkflowNode;
}

const at = '2026-01-01T00:00:00Z';
type Facts = Readonly<Record<string, unknown>>;
const line = (jobID: string, facts: Facts, matrix: Facts = {}, name = jobID): string =>
  JSON.stringify({ job: `deliver/inner/${name}`, jobID, level: 'info', matrix, msg: '', time: at, ...facts });
const setUp = { step: 'Set up job', stepid: ['--setup-job'], msg: '⭐ Run Set up job' };
const step = (id: string, name: string, facts: Facts): Facts => ({ stage: 'Main', step: name, stepID: [id], ...facts });
const begin = (id: string, name: string): Facts => step(id, name, { msg: `⭐ Run Main ${name}` });

const FIVE = { stage: { name: '5%' } };
const TEN = { stage: { name: '10%' } };
const LOG = [
  'time="x" level=warning msg="no JSON"',
  JSON.stringify({ level: 'warning', msg: 'about act itself', time: at }),
  JSON.stringify({ job: 'top/deliver', jobID: 'deliver', matrix: {}, msg: 'LocalRepositoryCache matched', time: at }),
  line('build', setUp),
  line('build', step('image', 'image', { msg: 'LocalRepositoryCache matched …' })),
  line('build', begin('image', 'image')),
  line('build', step('image', 'image', { raw_output: true, msg: '\u001b[32mbuilt\u001b[0m ***\n' })),
  line(
    'build',
    step('image', 'image', { command: 'error', arg: 'hunter2 leaked', msg: '  ❗  ::error::*** leaked\n' }),
  ),
  line('build', step('image', 'image', { stepResult: 'success', executionTime: 2e9 })),
  line('build', step('image', 'image', { command: 'set-output', name: 'digest', arg: 'sha256:1' })),
  line('build', { jobResult: 'success' }),
  line('test', setUp, { python: '3.12' }),
  line('test', { jobResult: 'success' }, { python: '3.12' }),
  line('stage', setUp, FIVE, 'stage 5%-1'),
  line('stage', begin('verify', 'verify'), FIVE, 'stage 5%-1'),
  line('stage', step('verify', 'verify', { stepResult: 'failure' }), FIVE, 'stage 5%-1'),
  line('stage', { jobResult: 'failure' }, FIVE, 'stage 5%-1'),
  line('stage', setUp, TEN, 'stage 10%-2'),
  line('stage', begin('0', GUARDS[0]), TEN, 'stage 10%-2'),
  line('stage', step('0', GUARDS[0], { stepResult: 'failure' }), TEN, 'stage 10%-2'),
  line('stage', { jobResult: 'failure' }, TEN, 'stage 10%-2'),
];

describe('the log', () => {
  test('becomes the jobs of a run, with the names and outputs of GitHub', async () => {
    const node = await tree();
    const log = actLog(() => {});
    for (const text of LOG) log.take(text);
    const end = replayJobs({
      place: topPlace(node),
      records: log.jobs,
      base: { github: { event_name: 'push' }, vars: {} },
      inputs: {},
      secrets: {},
    });
    expect(end.conclusion).toBe('failure');
    // The commit of a job that did not run is empty, whatever act itself says.
    expect(end.jobs[0]?.outputs).toEqual({ digest: 'sha256:1' });
    expect(leafJobs(end).map(({ name, conclusion, steps }) => [name, conclusion, steps.length])).toEqual([
      ['deliver / build', 'success', 1],
      ['deliver / stage 5%', 'failure', 1],
      // Held back by the guard: fail-fast would have cancelled it, and the guard is no step of the workflow.
      ['deliver / stage 10%', 'cancelled', 0],
      ['deliver / test (3.12)', 'success', 0],
      ['deliver / revert', 'skipped', 0],
    ]);
    const build = leafJobs(end)[0];
    expect(build?.outputs).toEqual({ digest: 'sha256:1', kind: 'push' });
    expect(build?.steps[0]).toMatchObject({ id: 'image', log: ['built ***'], seconds: 2, conclusion: 'success' });
  });
  test('only the masked part of a line is shown', () => {
    const events: LogEvent[] = [];
    const log = actLog((event) => events.push(event));
    for (const text of LOG) log.take(text);
    const shown = events.flatMap((event) => {
      if (event.type === 'annotation') return [event.annotation.message];
      return event.type === 'log' ? [event.line] : [];
    });
    expect(shown).toEqual(['built ***', '*** leaked']);
  });
  test('is told while it comes, job by job', async () => {
    const top = topPlace(await tree());
    const told: string[] = [];
    const log = actLog((event) => {
      const found = findPlace(top, event.job);
      if (event.type.startsWith('job-') && found !== undefined)
        told.push(`${event.type} ${checkName(found.place, found.def, event.job)}`);
    });
    for (const text of LOG.slice(0, 13)) log.take(text);
    expect(told).toEqual([
      'job-started deliver / build',
      'job-ended deliver / build',
      'job-started deliver / test (3.12)',
      'job-ended deliver / test (3.12)',
    ]);
  });
});
