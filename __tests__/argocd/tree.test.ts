import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readTree, treeHealth } from '../../src/argocd/tree.ts';

const node = (kind: string, health: string, more: object = {}): object => ({
  kind,
  name: kind.toLowerCase(),
  health: health === '' ? undefined : { status: health },
  ...more,
});
const healthOf = (...nodes: object[]): string => treeHealth(readTree({ nodes }) ?? { nodes: [] }).health;

describe('readTree', () => {
  test('reads a pod as Argo CD shows it', () => {
    const tree = readTree({
      nodes: [
        {
          version: 'v1',
          kind: 'Pod',
          namespace: 'shop',
          name: 'shop-6f-1',
          parentRefs: [{ kind: 'ReplicaSet', name: 'shop-6f' }],
          info: [
            { name: 'Status Reason', value: 'CrashLoopBackOff' },
            { name: 'Containers', value: '0/1' },
          ],
          networkingInfo: { labels: { 'rollouts-pod-template-hash': '6f' } },
          images: ['r.example/shop:1'],
          health: { status: 'Degraded', message: 'back-off 5m0s' },
        },
      ],
    });
    expect(tree?.nodes).toEqual([
      {
        group: '',
        version: 'v1',
        kind: 'Pod',
        namespace: 'shop',
        name: 'shop-6f-1',
        child: true,
        health: 'Degraded',
        healthMessage: 'back-off 5m0s',
        images: ['r.example/shop:1'],
        reason: 'CrashLoopBackOff',
        labels: { 'rollouts-pod-template-hash': '6f' },
      },
    ]);
  });
  test('an Application without resources has an empty tree', () => {
    expect(readTree({})).toEqual({ nodes: [] });
    expect(readTree({ nodes: null })).toEqual({ nodes: [] });
  });
  test.each([undefined, null, 1, 'x', [], { nodes: {} }, { nodes: 'x' }])('%j is none', (json) =>
    expect(readTree(json)).toBeUndefined(),
  );
  test('never throws, whatever the server sends', () => {
    fc.assert(
      fc.property(fc.record({ nodes: fc.array(fc.object({ maxDepth: 3 })) }), (json) => {
        const tree = readTree(json);
        expect(treeHealth(tree ?? { nodes: [] }).health).not.toBe('');
      }),
    );
  });
});

describe('treeHealth', () => {
  test('is that of the worst resource of a manifest', () => {
    expect(healthOf(node('Deployment', 'Healthy'), node('Rollout', 'Suspended'))).toBe('Suspended');
    expect(healthOf(node('Deployment', 'Degraded'), node('Rollout', 'Progressing'))).toBe('Degraded');
    expect(healthOf(node('Service', ''), node('ConfigMap', ''))).toBe('Healthy');
  });
  test('a pod that some controller made is the matter of that controller', () => {
    expect(healthOf(node('Rollout', 'Suspended'), node('Pod', 'Degraded', { parentRefs: [{}] }))).toBe('Suspended');
  });
  test('names the resource', () => {
    const tree = readTree({
      nodes: [node('Rollout', 'Degraded', { health: { status: 'Degraded', message: 'aborted' } })],
    });
    expect(treeHealth(tree ?? { nodes: [] }).message).toBe('Rollout rollout: aborted');
  });
});
