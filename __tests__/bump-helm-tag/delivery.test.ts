/** The updates that plan-delivery makes, stage by stage through the loop: the walk of a canary and its way back. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { makePlan } from '../../src/bump-helm-tag/plan.ts';
import type { Outcome } from '../../src/bump-helm-tag/progress.ts';
import { settle } from '../../src/bump-helm-tag/settle.ts';
import { DEFAULT_LAYOUT, readCurrent } from '../../src/plan-delivery/layout.ts';
import { planRevert } from '../../src/plan-delivery/revert.ts';
import { planStages } from '../../src/plan-delivery/stages.ts';
import type { CurrentValues, StagePlanInput, Updates } from '../../src/plan-delivery/types.ts';
import { Deadline, fakeClock, memoryLog } from '../../src/runner/index.ts';
import { root } from '../support/bundle.ts';
import { FakeRepository, lineOf } from './fake.ts';

const FILE = 'env/production/values.yaml';
const VALUES = readFileSync(join(root, 'examples/helm-histogram-eq', FILE), 'utf8');
const [OLD, NEW] = ['1', '2'].map((c) => c.repeat(40)) as [string, string];

const wanted = (c: string): StagePlanInput => ({
  strategy: 'canary',
  weights: [5, 50, 100],
  file: FILE,
  layout: DEFAULT_LAYOUT,
  image: 'ghcr.io/org/histogram-eq',
  tag: `v${c}`,
  digest: `sha256:${c.repeat(64)}`,
  evidence: true,
  router: 'gateway',
  rollout: '',
  labels: { app: 'histogram-eq', stable: '', canary: '' },
  records: 'canary-x',
  stageMinutes: 45,
});
const current = (repository: FakeRepository): CurrentValues =>
  readCurrent(repository.head.files[FILE] ?? '', FILE, DEFAULT_LAYOUT, 'canary');
function bump(repository: FakeRepository, updates: Updates, revision: string, guard: 'ancestry' | 'off' = 'ancestry') {
  const clock = fakeClock();
  return settle(
    {
      repository,
      source: lineOf(OLD, NEW),
      clock,
      random: () => 0.5,
      deadline: new Deadline(300, clock),
      log: memoryLog(),
    },
    {
      targets: makePlan({ updates: JSON.stringify(updates), files: [], imagePath: 'image', want: undefined }),
      images: { form: 'auto', otherImage: 'fail', revision },
      guard: { mode: guard, allowDowngrade: false, sourceRepository: 'org/app', sourceRevision: revision },
      bumpId: '7b0c6f0e-0000-4000-8000-000000000000',
      dryRun: false,
      message: () => ({ headline: 'x', body: '' }),
    },
  );
}
const resultOf = (o: Outcome): [string, string] => [o.result, o.supersededBy];

test('install, canary to the end, twice, and nothing is left of the canary', async () => {
  const repository = new FakeRepository({ [FILE]: VALUES });
  for (const [c, revision, count] of [
    ['a', OLD, 1],
    ['b', NEW, 4],
  ] as const) {
    const stages = planStages(wanted(c), current(repository));
    expect(stages).toHaveLength(count);
    for (const stage of stages) {
      expect(resultOf(await bump(repository, stage.updates, revision))).toEqual(['committed', '']);
      expect(resultOf(await bump(repository, stage.updates, revision))).toEqual(['unchanged', '']);
    }
    expect(planStages(wanted(c), current(repository))).toEqual([]);
  }
  expect(repository.head.files[FILE]).toBe(
    VALUES.replace('tag: ""', 'tag: "vb"')
      .replace('digest: ""', `digest: "sha256:${'b'.repeat(64)}"`)
      .replace('revision: ""', `revision: "${NEW}"`),
  );
});

test('a canary that failed is reverted byte by byte; a stage that comes late then writes nothing', async () => {
  const repository = new FakeRepository({ [FILE]: VALUES });
  for (const stage of planStages(wanted('a'), current(repository))) await bump(repository, stage.updates, OLD);
  const before = repository.head.files[FILE];
  const stages = planStages(wanted('b'), current(repository));
  const back = planRevert(wanted('b'), current(repository));
  for (const stage of stages.slice(0, 2)) await bump(repository, stage.updates, NEW);
  expect((await bump(repository, back.revert, NEW, 'off')).result).toBe('committed');
  expect(repository.head.files[FILE]).toBe(before);
  expect((await bump(repository, back.revertFinished, NEW, 'off')).result).not.toBe('committed');
  expect(resultOf(await bump(repository, stages[2]?.updates ?? [], NEW))).toEqual(['superseded', '']);
  expect(repository.head.files[FILE]).toBe(before);
});

test('a finished delivery is taken back to the old stable image', async () => {
  const repository = new FakeRepository({ [FILE]: VALUES });
  for (const stage of planStages(wanted('a'), current(repository))) await bump(repository, stage.updates, OLD);
  const before = repository.head.files[FILE];
  const back = planRevert(wanted('b'), current(repository));
  for (const stage of planStages(wanted('b'), current(repository))) await bump(repository, stage.updates, NEW);
  expect((await bump(repository, back.revert, NEW, 'off')).result).not.toBe('committed');
  expect((await bump(repository, back.revertFinished, NEW, 'off')).result).toBe('committed');
  expect(repository.head.files[FILE]).toBe(before);
});
