/** The values of the demo's config repository, through the real chart; and a change by hand in a real cluster stand-in. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parseDocument } from 'yaml';
import { readObjects } from '../../../lab/cluster/objects.ts';
import { showDrift } from '../../../lab/demo/drift.ts';
import { STRATEGIES, type Strategy } from '../../../lab/demo/options.ts';
import { stablePath, valuesFor } from '../../../lab/demo/seed.ts';
import { systemExec } from '../../../src/runner/index.ts';
import { ensureHelm } from '../../../tools/helm/index.ts';
import { root } from '../../support/bundle.ts';
import { openSmallWorld } from '../cluster/small.ts';

const IMAGE = '127.0.0.1:5000/org/histogram-eq';
const DIGEST = `sha256:${'a'.repeat(64)}`;

/** The manifests after the first version was handed off. */
async function render(strategy: Strategy) {
  const chart = join(root, 'examples/helm-histogram-eq');
  const text = valuesFor(await readFile(join(chart, 'env/production/values.yaml'), 'utf8'), IMAGE, strategy);
  const values = parseDocument(text);
  const path = stablePath(strategy, text);
  // CI edits keys that are there.
  for (const key of ['repository', 'tag', 'digest', 'revision']) expect(values.hasIn([...path, key])).toBe(true);
  values.setIn([...path, 'tag'], 'sha-1');
  values.setIn([...path, 'digest'], DIGEST);
  const dir = await mkdtemp(join(tmpdir(), 'values-'));
  try {
    const file = join(dir, 'values.yaml');
    await writeFile(file, values.toString());
    const helm = await ensureHelm(join(root, '.lab'));
    const result = await systemExec(helm, ['template', 'histogram-eq', chart, '--values', file], { timeout: 240 });
    expect(result.stderrTail).toBe('');
    return readObjects(result.stdoutTail);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

test.each(STRATEGIES.map((s) => [s] as const))(
  '%s: the first version is rendered, and gets the requests',
  async (strategy) => {
    const { deployments, routes, services } = await render(strategy);
    expect(deployments).toHaveLength(2);
    expect(deployments.map((d) => d.recreate)).toEqual(Array(2).fill(strategy === 'recreate'));
    for (const d of deployments) expect(d.template.spec.containers[0]?.image).toBe(`${IMAGE}@${DIGEST}`);
    const backends = routes.flatMap((r) => r.rules.flatMap((rule) => rule.backends));
    expect(backends).toHaveLength(1);
    const front = services.find((s) => s.name === backends[0]?.service);
    const master = deployments.find((d) => !d.name.endsWith('-worker'));
    expect(master?.template.metadata.labels).toMatchObject(front?.selector ?? { missing: '' });
  },
);

test('a change by hand: noticed, healed within 3 polls, and the cluster takes no write', async () => {
  await using world = await openSmallWorld();
  await using cluster = await world.start('drift', { stable: { version: 'v1', weight: 100 } });
  await cluster.waitFor((s) => s.sync === 'Synced' && s.health === 'Healthy', 120);
  const now = Date.now();
  const samples = () => [
    { at: now - 60_000, ms: 1, code: '503', revision: '' },
    { at: now + 60_000, ms: 1, code: '200', revision: '' },
  ];
  const drift = await showDrift(cluster, { samples });
  // What failed before the change is not its fault.
  expect(drift).toMatchObject({ deployment: 'stable', outOfSync: true, foreign: [], failed: 0 });
  expect(drift.polls).toBeLessThanOrEqual(3);
  expect(drift.writes).toEqual([
    ['POST', 405],
    ['PUT', 405],
    ['PATCH', 405],
    ['DELETE', 405],
  ]);
});
