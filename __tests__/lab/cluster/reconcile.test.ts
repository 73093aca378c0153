import { describe, expect, test } from '@jest/globals';
import { type Deployment, readObjects } from '../../../lab/cluster/objects.ts';
import { isSettled, type PodView, planDeployment } from '../../../lab/cluster/reconcile.ts';

const deployment = (over: Partial<Deployment> = {}): Deployment => ({
  name: 'd',
  replicas: 2,
  surge: 1,
  unavailable: 0,
  recreate: false,
  hash: 'new',
  wave: 0,
  template: {} as Deployment['template'],
  ...over,
});
const pod = (id: string, over: Partial<PodView> = {}): PodView => ({
  id,
  deployment: 'd',
  hash: 'new',
  ready: true,
  stopping: false,
  ...over,
});
const old = (id: string, over: Partial<PodView> = {}): PodView => pod(id, { hash: 'old', ...over });

describe('planDeployment', () => {
  test.each<[string, Deployment | undefined, PodView[], { start: number; stop: string[] }]>([
    ['first roll-out: all at once', deployment(), [], { start: 2, stop: [] }],
    ['nothing to do', deployment(), [pod('a'), pod('b')], { start: 0, stop: [] }],
    ['roll: one above', deployment(), [old('a'), old('b')], { start: 1, stop: [] }],
    [
      'roll: none below while the new one is unready',
      deployment(),
      [old('a'), old('b'), pod('c', { ready: false })],
      { start: 0, stop: [] },
    ],
    [
      'roll: one goes when the new one is ready',
      deployment(),
      [old('a'), old('b'), pod('c')],
      { start: 0, stop: ['a'] },
    ],
    [
      'roll: an old pod that is unready anyway goes first',
      deployment(),
      [old('a', { ready: false }), old('b')],
      { start: 1, stop: ['a'] },
    ],
    [
      'a stopping pod leaves room',
      deployment(),
      [old('a', { stopping: true }), old('b'), pod('c')],
      { start: 1, stop: [] },
    ],
    [
      'maxUnavailable 1, no surge',
      deployment({ surge: 0, unavailable: 1 }),
      [old('a'), old('b')],
      { start: 0, stop: ['a'] },
    ],
    ['recreate: all old ones go', deployment({ recreate: true }), [old('a'), old('b')], { start: 0, stop: ['a', 'b'] }],
    [
      'recreate: none starts while one leaves',
      deployment({ recreate: true }),
      [old('a', { stopping: true })],
      { start: 0, stop: [] },
    ],
    ['recreate: then all start', deployment({ recreate: true }), [], { start: 2, stop: [] }],
    ['scaled down', deployment({ replicas: 1 }), [pod('a'), pod('b')], { start: 0, stop: ['b'] }],
    ['removed', undefined, [pod('a'), pod('b', { stopping: true })], { start: 0, stop: ['a'] }],
  ])('%s', (_name, wanted, pods, steps) => {
    expect(planDeployment(wanted, pods)).toEqual(steps);
  });
  test('a roll always ends, and never goes below the replicas', () => {
    const wanted = deployment({ replicas: 3 });
    let pods: PodView[] = [old('a'), old('b'), old('c')];
    for (let round = 0; !isSettled(wanted, pods); round += 1) {
      expect(round).toBeLessThan(20);
      const plan = planDeployment(wanted, pods);
      pods = pods.filter((p) => !plan.stop.includes(p.id)).map((p) => ({ ...p, ready: true }));
      expect(pods.filter((p) => p.ready).length).toBeGreaterThanOrEqual(3);
      for (let i = 0; i < plan.start; i += 1) pods.push(pod(`n${round}-${i}`, { ready: false }));
      expect(pods.length).toBeLessThanOrEqual(4);
    }
  });
});

test('manifests: percentages, waves, weights; what is not simulated is named; two containers are refused', () => {
  const text = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: d }
spec:
  replicas: 5
  selector: { matchLabels: { a: b } }
  strategy: { type: RollingUpdate, rollingUpdate: { maxSurge: 25%, maxUnavailable: 25% } }
  template: { metadata: { labels: { a: b } }, spec: { containers: [{ name: c, image: i }] } }
---
kind: HTTPRoute
metadata: { name: r, annotations: { argocd.argoproj.io/sync-wave: "1" } }
spec: { rules: [{ backendRefs: [{ name: s, weight: 95 }, { name: t, weight: 5 }] }] }
---
kind: NetworkPolicy
metadata: { name: n }
`;
  const objects = readObjects(text);
  expect(objects.deployments[0]).toMatchObject({ replicas: 5, surge: 2, unavailable: 1, recreate: false });
  expect(objects.routes[0]).toMatchObject({
    wave: 1,
    rules: [
      {
        prefix: '/',
        backends: [
          { service: 's', weight: 95 },
          { service: 't', weight: 5 },
        ],
      },
    ],
  });
  expect(objects.notSimulated).toEqual(['NetworkPolicy/n']);
  expect(() =>
    readObjects(text.replace('{ name: c, image: i }', '{ name: c, image: i }, { name: e, image: i }')),
  ).toThrow('Deployment/d: spec.template.spec.containers: the stand-in runs pods of one container');
});
