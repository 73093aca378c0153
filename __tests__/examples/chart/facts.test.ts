import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { at, CANARY, delivered, find, type Manifest, names, REVISION, render, STABLE, slots } from './support.ts';

const AUTOSCALING = ['master.autoscaling.enabled=true', 'worker.autoscaling.enabled=true'];

async function ok(environment: string, sets: readonly string[]): Promise<Manifest[]> {
  const result = await render(environment, sets);
  expect(result.stderr).toBe('');
  return result.manifests;
}

function backends(manifests: readonly Manifest[]): unknown {
  return at(find(manifests, 'HTTPRoute', 'histogram-eq'), 'spec.rules.0.backendRefs');
}

function backend(name: string, weight: number): Record<string, unknown> {
  return { group: '', kind: 'Service', name, port: 80, weight };
}

const container = 'spec.template.spec.containers.0';

describe('rolling', () => {
  test('one version, surge 1, never fewer pods than wanted', async () => {
    const manifests = await ok('production', ['strategy=rolling', ...delivered()]);
    expect(names(manifests, 'Deployment')).toEqual(['Deployment/histogram-eq', 'Deployment/histogram-eq-worker']);
    expect(names(manifests, 'Service')).toEqual(['Service/histogram-eq', 'Service/histogram-eq-worker']);
    expect(at(find(manifests, 'Deployment', 'histogram-eq'), 'spec.strategy')).toEqual({
      type: 'RollingUpdate',
      rollingUpdate: { maxSurge: 1, maxUnavailable: 0 },
    });
    expect(backends(manifests)).toEqual([backend('histogram-eq', 100)]);
  });

  test('a canary image and weight in the values change nothing', async () => {
    const plain = await ok('production', ['strategy=rolling', ...delivered()]);
    expect(await ok('production', ['strategy=rolling', ...delivered(50)])).toEqual(plain);
  });
});

describe('canary', () => {
  test.each([1, 5, 50, 99, 100])(
    'weight %i: both versions, the route gives the canary exactly that',
    async (weight) => {
      const manifests = await ok('production', delivered(weight));
      const versions = ['canary', 'canary-worker', 'stable', 'stable-worker'];
      expect(names(manifests, 'Deployment')).toEqual(versions.map((name) => `Deployment/histogram-eq-${name}`));
      expect(names(manifests, 'Service')).toEqual(versions.map((name) => `Service/histogram-eq-${name}`));
      expect(backends(manifests)).toEqual([
        backend('histogram-eq-stable', 100 - weight),
        backend('histogram-eq-canary', weight),
      ]);
      expect(at(find(manifests, 'Deployment', 'histogram-eq-stable'), `${container}.image`)).toMatch(`@${STABLE}`);
      for (const name of ['histogram-eq-canary', 'histogram-eq-canary-worker'])
        expect(at(find(manifests, 'Deployment', name), `${container}.image`)).toBe(
          `ghcr.io/org/histogram-eq@${CANARY}`,
        );
    },
  );

  test('trap 21: weight 0 with a canary image set has no canary backend, and no canary at all', async () => {
    const manifests = await ok('production', delivered(0));
    expect(backends(manifests)).toEqual([backend('histogram-eq-stable', 100)]);
    expect(names(manifests).filter((name) => name.includes('canary'))).toEqual([]);
  });

  test('a weight without a canary digest has no canary', async () => {
    const manifests = await ok('production', [...delivered(), 'canary.weight=25']);
    expect(backends(manifests)).toEqual([backend('histogram-eq-stable', 100)]);
  });

  test('a canary master speaks to canary workers only', async () => {
    const manifests = await ok('production', delivered(5));
    for (const track of ['stable', 'canary']) {
      const master = find(manifests, 'Deployment', `histogram-eq-${track}`);
      expect(at(master, `${container}.env`)).toContainEqual({
        name: 'WORKERS',
        value: `dns+http://histogram-eq-${track}-worker:8081`,
      });
      const workers = find(manifests, 'Service', `histogram-eq-${track}-worker`);
      expect(at(workers, 'spec.clusterIP')).toBe('None');
      expect(at(workers, 'spec.selector')).toEqual(labelsOf('worker', track));
      const policy = find(manifests, 'NetworkPolicy', `histogram-eq-${track}`);
      expect(at(policy, 'spec.egress.0.to')).toEqual([{ podSelector: { matchLabels: labelsOf('worker', track) } }]);
      const inner = find(manifests, 'NetworkPolicy', `histogram-eq-${track}-worker`);
      expect(at(inner, 'spec.ingress.0.from.0')).toEqual({ podSelector: { matchLabels: labelsOf('master', track) } });
      expect(at(inner, 'spec.egress')).toEqual([]);
    }
  });

  test('a canary repository of its own is used', async () => {
    const manifests = await ok('production', [...delivered(5), 'canary.image.repository=ghcr.io/org/other']);
    expect(at(find(manifests, 'Deployment', 'histogram-eq-canary'), `${container}.image`)).toBe(
      `ghcr.io/org/other@${CANARY}`,
    );
  });

  test('the next weight changes the route and nothing else', async () => {
    const [before, after] = await Promise.all([ok('production', delivered(5)), ok('production', delivered(10))]);
    const changed = after.filter((manifest, index) => JSON.stringify(manifest) !== JSON.stringify(before[index]));
    expect(names(changed)).toEqual(['HTTPRoute/histogram-eq']);
  });

  test('the route comes in a later sync wave than what it points to', async () => {
    const manifests = await ok('production', delivered(5));
    const wave = 'argocd.argoproj.io/sync-wave';
    for (const manifest of manifests)
      expect(manifest.metadata.annotations?.[wave]).toBe(manifest.kind === 'HTTPRoute' ? '1' : undefined);
  });
});

describe('recreate', () => {
  test('one version, and no new pod beside an old one', async () => {
    const manifests = await ok('production', ['strategy=recreate', ...delivered()]);
    expect(names(manifests, 'Deployment')).toEqual(['Deployment/histogram-eq', 'Deployment/histogram-eq-worker']);
    for (const name of ['histogram-eq', 'histogram-eq-worker'])
      expect(at(find(manifests, 'Deployment', name), 'spec.strategy')).toEqual({ type: 'Recreate' });
    expect(names(manifests, 'Service')).toEqual(['Service/histogram-eq', 'Service/histogram-eq-worker']);
    expect(backends(manifests)).toEqual([backend('histogram-eq', 100)]);
  });
});

describe('blueGreen', () => {
  test('two slots; requests go to the active one, the other is the preview', async () => {
    const manifests = await ok('production', slots('blue', { blue: STABLE, green: CANARY }));
    const workloads = ['blue', 'blue-worker', 'green', 'green-worker'];
    expect(names(manifests, 'Deployment')).toEqual(workloads.map((name) => `Deployment/histogram-eq-${name}`));
    expect(names(manifests, 'Service')).toEqual(
      ['', '-blue-worker', '-green-worker', '-preview'].map((name) => `Service/histogram-eq${name}`),
    );
    expect(at(find(manifests, 'Service', 'histogram-eq'), 'spec.selector')).toEqual(slotOf('master', 'blue'));
    expect(at(find(manifests, 'Service', 'histogram-eq-preview'), 'spec.selector')).toEqual(slotOf('master', 'green'));
    expect(backends(manifests)).toEqual([backend('histogram-eq', 100)]);
    expect(at(find(manifests, 'Deployment', 'histogram-eq-green'), `${container}.image`)).toMatch(`@${CANARY}`);
  });

  test('the switch changes two Services and no pod', async () => {
    const images = { blue: STABLE, green: CANARY };
    const [before, after] = await Promise.all([
      ok('production', slots('blue', images)),
      ok('production', slots('green', images)),
    ]);
    const changed = after.filter((manifest, index) => JSON.stringify(manifest) !== JSON.stringify(before[index]));
    expect(names(changed)).toEqual(['Service/histogram-eq', 'Service/histogram-eq-preview']);
  });

  test('an empty slot renders nothing, also when it is the active one', async () => {
    for (const active of ['blue', 'green'] as const) {
      const manifests = await ok('production', slots(active, { green: CANARY }));
      expect(names(manifests, 'Deployment')).toEqual([
        'Deployment/histogram-eq-green',
        'Deployment/histogram-eq-green-worker',
      ]);
    }
    expect(names(await ok('production', slots('blue', {})), 'Service')).toEqual([]);
  });

  test('a master speaks to the workers of its own slot only', async () => {
    const manifests = await ok('production', slots('blue', { blue: STABLE, green: CANARY }));
    for (const slot of ['blue', 'green']) {
      expect(at(find(manifests, 'Deployment', `histogram-eq-${slot}`), `${container}.env`)).toContainEqual({
        name: 'WORKERS',
        value: `dns+http://histogram-eq-${slot}-worker:8081`,
      });
      const policy = find(manifests, 'NetworkPolicy', `histogram-eq-${slot}`);
      expect(at(policy, 'spec.egress.0.to')).toEqual([{ podSelector: { matchLabels: slotOf('worker', slot) } }]);
    }
  });
});

describe('canary by Argo Rollouts', () => {
  const rollouts = ['router=rollouts', ...delivered()];

  test('one Rollout with its two Services; no weight stands in Git', async () => {
    const manifests = await ok('production', [...rollouts, 'canary.weight=25']);
    expect(names(manifests, 'Deployment')).toEqual(['Deployment/histogram-eq-worker']);
    expect(names(manifests, 'Service')).toEqual(
      ['canary', 'stable', 'worker'].map((name) => `Service/histogram-eq-${name}`),
    );
    const canary = at(find(manifests, 'Rollout', 'histogram-eq'), 'spec.strategy.canary');
    expect(canary).toMatchObject({
      stableService: 'histogram-eq-stable',
      canaryService: 'histogram-eq-canary',
      stableMetadata: { labels: { track: 'stable' } },
      canaryMetadata: { labels: { track: 'canary' } },
      trafficRouting: { plugins: { 'argoproj-labs/gatewayAPI': { httpRoute: 'histogram-eq' } } },
      analysis: { templates: [{ templateName: 'histogram-eq' }] },
    });
    expect(at(canary, 'steps.0')).toEqual({ setWeight: 5 });
    expect(at(canary, 'steps.1')).toEqual({ pause: { duration: '10m' } });
    // What the route starts from; from then on the controller writes it.
    expect(backends(manifests)).toEqual([backend('histogram-eq-stable', 100), backend('histogram-eq-canary', 0)]);
  });

  test('the label that moves is in no selector', async () => {
    const manifests = await ok('production', rollouts);
    const selectors = manifests.map((manifest) => JSON.stringify(at(manifest, 'spec.selector') ?? ''));
    expect(selectors.filter((text) => text.includes('track'))).toEqual([]);
    expect(at(find(manifests, 'Rollout', 'histogram-eq'), 'spec.template.metadata.labels.track')).toBeUndefined();
  });

  test('the brake has a limit and the query of the canary alone', async () => {
    const metric = at(find(await ok('production', rollouts), 'AnalysisTemplate', 'histogram-eq'), 'spec.metrics.0');
    expect(at(metric, 'failureCondition')).toBe('len(result) > 0 && !isNaN(result[0]) && result[0] >= 0.2');
    expect(String(at(metric, 'provider.prometheus.query'))).toContain('app="{{args.app}}",track="canary",code=~"5.."');
  });

  test('the autoscaler scales the Rollout', async () => {
    const manifests = await ok('production', [...rollouts, ...AUTOSCALING]);
    expect(at(find(manifests, 'HorizontalPodAutoscaler', 'histogram-eq'), 'spec.scaleTargetRef')).toEqual({
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Rollout',
      name: 'histogram-eq',
    });
    expect(Object.keys(find(manifests, 'Rollout', 'histogram-eq').spec as object)).not.toContain('replicas');
  });
});

describe('every version', () => {
  test('before the first delivery no workload is rendered', async () => {
    const manifests = await ok('production', []);
    expect(names(manifests)).toEqual([
      'ConfigMap/histogram-eq',
      'NetworkPolicy/histogram-eq-default-deny',
      'ServiceAccount/histogram-eq',
      'ServiceMonitor/histogram-eq',
    ]);
  });

  test('trap 22: with an autoscaler there is no replicas key', async () => {
    const manifests = await ok('production', [...delivered(5), ...AUTOSCALING]);
    const deployments = manifests.filter((manifest) => manifest.kind === 'Deployment');
    expect(deployments).toHaveLength(4);
    for (const deployment of deployments) expect(Object.keys(deployment.spec as object)).not.toContain('replicas');
    const scaled = manifests.filter((manifest) => manifest.kind === 'HorizontalPodAutoscaler');
    expect(scaled.map((manifest) => at(manifest, 'spec.scaleTargetRef.name')).sort()).toEqual(
      deployments.map((deployment) => deployment.metadata.name).sort(),
    );
  });

  test('without an autoscaler the replicas of the values', async () => {
    const manifests = await ok('production', [...delivered(5), 'master.replicas=4', 'worker.replicas=5']);
    expect(at(find(manifests, 'Deployment', 'histogram-eq-canary'), 'spec.replicas')).toBe(4);
    expect(at(find(manifests, 'Deployment', 'histogram-eq-stable-worker'), 'spec.replicas')).toBe(5);
    expect(names(manifests, 'HorizontalPodAutoscaler')).toEqual([]);
  });

  test('a disruption budget, but not for one replica', async () => {
    const manifests = await ok('production', [...delivered(), 'master.replicas=1', 'worker.replicas=2']);
    expect(names(manifests, 'PodDisruptionBudget')).toEqual(['PodDisruptionBudget/histogram-eq-stable-worker']);
    const scaled = await ok('production', [...delivered(), ...AUTOSCALING, 'master.replicas=1']);
    expect(names(scaled, 'PodDisruptionBudget')).toContain('PodDisruptionBudget/histogram-eq-stable');
  });

  test('pods: labels, annotation, digest, probes, locked down', async () => {
    const manifests = await ok('production', delivered(5));
    for (const manifest of manifests.filter((candidate) => candidate.kind === 'Deployment')) {
      const track = manifest.metadata.name.includes('canary') ? 'canary' : 'stable';
      const component = manifest.metadata.name.endsWith('worker') ? 'worker' : 'master';
      const labels = at(manifest, 'spec.template.metadata.labels') as Record<string, string>;
      expect(at(manifest, 'spec.selector.matchLabels')).toEqual(labelsOf(component, track));
      expect(labels).toMatchObject(labelsOf(component, track));
      expect(labels['app.kubernetes.io/version']).toBe(track === 'canary' ? 'v2' : 'v1');
      expect(at(manifest, 'spec.template.metadata.annotations.revision')).toBe(track === 'canary' ? '' : REVISION);
      const pod = at(manifest, 'spec.template.spec');
      expect(pod).toMatchObject({
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
        volumes: [{ name: 'tmp', emptyDir: {} }],
      });
      expect(at(manifest, container)).toMatchObject({
        args: [`k8s_histogram_eq.${component}`],
        startupProbe: { httpGet: { path: '/healthz' } },
        livenessProbe: { httpGet: { path: '/healthz' } },
        readinessProbe: { httpGet: { path: '/readyz' } },
        lifecycle: { preStop: { sleep: { seconds: 8 } } },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
      });
      expect(at(manifest, 'spec.template.spec.topologySpreadConstraints')).toHaveLength(2);
      const variables = at(manifest, `${container}.env`) as { name: string; value: string }[];
      const revision = variables.find((variable) => variable.name === 'REVISION')?.value;
      expect(revision).toBe(track === 'canary' ? 'v2' : REVISION);
    }
  });

  test('a changed setting rolls the pods', async () => {
    const checksum = async (sets: string[]): Promise<unknown> =>
      at(
        find(await ok('production', [...delivered(), ...sets]), 'Deployment', 'histogram-eq-stable'),
        'spec.template.metadata.annotations',
      );
    expect(await checksum(['settings.REQUEST_DEADLINE=5.5'])).not.toEqual(await checksum([]));
  });

  test('series carry app and track of their pod', async () => {
    const monitor = find(await ok('production', delivered(5)), 'ServiceMonitor', 'histogram-eq');
    expect(at(monitor, 'spec.podTargetLabels')).toEqual(expect.arrayContaining(['app', 'track', 'slot']));
    expect(at(monitor, 'spec.selector.matchLabels')).toEqual({ app: 'histogram-eq' });
  });

  test('nothing in and nothing out unless a policy opens it', async () => {
    const manifests = await ok('production', delivered());
    expect(at(find(manifests, 'NetworkPolicy', 'histogram-eq-default-deny'), 'spec')).toEqual({
      podSelector: { matchLabels: { app: 'histogram-eq' } },
      policyTypes: ['Ingress', 'Egress'],
    });
    const ingress = at(find(manifests, 'NetworkPolicy', 'histogram-eq-stable'), 'spec.ingress.0.from');
    expect(ingress).toEqual(
      ['gateway', 'monitoring'].map((name) => ({
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } },
      })),
    );
    expect(names(await ok('production', [...delivered(), 'networkPolicy.enabled=false']), 'NetworkPolicy')).toEqual([]);
    expect(names(await ok('production', [...delivered(), 'serviceMonitor.enabled=false']), 'ServiceMonitor')).toEqual(
      [],
    );
  });

  test('any tag is a valid label value', async () => {
    const tag = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/);
    await fc.assert(
      fc.asyncProperty(tag, async (text) => {
        const manifests = await ok('staging', [`image.tag=${text}`, `image.digest=${STABLE}`]);
        const label = at(find(manifests, 'Deployment', 'histogram-eq'), 'spec.template.metadata.labels') as Record<
          string,
          string
        >;
        expect(label['app.kubernetes.io/version']).toMatch(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/);
      }),
      { numRuns: 8, examples: [['_'], ['_-'], [`v${'1'.repeat(126)}.`], ['1.10'], ['true']] },
    );
  });
});

function slotOf(component: string, slot: string): Record<string, string> {
  return { app: 'histogram-eq', slot, 'app.kubernetes.io/component': component };
}

function labelsOf(component: string, track: string): Record<string, string> {
  return { app: 'histogram-eq', track, 'app.kubernetes.io/component': component };
}
