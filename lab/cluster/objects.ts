/** The few Kubernetes objects the stand-in acts on, read out of rendered manifests. Everything else is accepted and not simulated. */
import { createHash } from 'node:crypto';
import { CORE_SCHEMA, loadAll } from 'js-yaml';
import { z } from 'zod';

const strings = z.record(z.string(), z.string());
const intOrPercent = z.union([z.int().min(0), z.string().regex(/^\d+%$/)]);
const probe = z.looseObject({
  httpGet: z.looseObject({ path: z.string().default('/'), port: z.union([z.int(), z.string()]) }),
  periodSeconds: z.number().default(10),
  timeoutSeconds: z.number().default(1),
  failureThreshold: z.int().default(3),
});
const container = z.looseObject({
  name: z.string(),
  image: z.string(),
  command: z.array(z.string()).optional(),
  args: z.array(z.string()).optional(),
  ports: z.array(z.looseObject({ name: z.string().optional(), containerPort: z.int() })).default([]),
  env: z
    .array(
      z.looseObject({
        name: z.string(),
        value: z.string().default(''),
        valueFrom: z.looseObject({ fieldRef: z.looseObject({ fieldPath: z.string() }).optional() }).optional(),
      }),
    )
    .default([]),
  envFrom: z.array(z.looseObject({ configMapRef: z.looseObject({ name: z.string() }).optional() })).default([]),
  startupProbe: probe.optional(),
  readinessProbe: probe.optional(),
  livenessProbe: probe.optional(),
  lifecycle: z
    .looseObject({ preStop: z.looseObject({ sleep: z.looseObject({ seconds: z.number() }).optional() }).optional() })
    .optional(),
});
const template = z.looseObject({
  metadata: z.looseObject({ labels: strings.default({}), annotations: strings.default({}) }),
  spec: z.looseObject({
    terminationGracePeriodSeconds: z.number().default(30),
    securityContext: z.looseObject({ runAsUser: z.int().optional(), runAsGroup: z.int().optional() }).optional(),
    containers: z.array(container).length(1, { error: 'the stand-in runs pods of one container' }),
  }),
});
const metadata = z.looseObject({ name: z.string(), annotations: strings.default({}) });
const deployment = z.looseObject({
  metadata,
  spec: z.looseObject({
    replicas: z.int().min(0).default(1),
    selector: z.looseObject({ matchLabels: strings }),
    strategy: z
      .looseObject({
        type: z.enum(['RollingUpdate', 'Recreate']).default('RollingUpdate'),
        rollingUpdate: z
          .looseObject({ maxSurge: intOrPercent.default('25%'), maxUnavailable: intOrPercent.default('25%') })
          .optional(),
      })
      .optional(),
    template,
  }),
});
const service = z.looseObject({
  metadata,
  spec: z.looseObject({
    selector: strings,
    ports: z.array(z.looseObject({ port: z.int(), targetPort: z.union([z.int(), z.string()]).optional() })),
  }),
});
const route = z.looseObject({
  metadata,
  spec: z.looseObject({
    hostnames: z.array(z.string()).default([]),
    rules: z.array(
      z.looseObject({
        matches: z
          .array(
            z.looseObject({
              path: z
                .looseObject({ type: z.string().default('PathPrefix'), value: z.string().default('/') })
                .optional(),
            }),
          )
          .default([]),
        backendRefs: z.array(
          z.looseObject({ name: z.string(), port: z.int().optional(), weight: z.int().min(0).default(1) }),
        ),
      }),
    ),
  }),
});
const configMap = z.looseObject({ metadata, data: strings.default({}) });

export type Container = z.output<typeof container>;
export type PodTemplate = z.output<typeof template>;
export type Probe = z.output<typeof probe>;

export interface Deployment {
  name: string;
  replicas: number;
  /** Pods at most above, and at least below, `replicas` while rolling. */
  surge: number;
  unavailable: number;
  recreate: boolean;
  template: PodTemplate;
  /** Of the template: pods of another hash are old. */
  hash: string;
  wave: number;
}
export interface Service {
  name: string;
  selector: Readonly<Record<string, string>>;
  ports: readonly { port: number; targetPort: number | string }[];
}
export interface Route {
  name: string;
  hostnames: readonly string[];
  rules: readonly { prefix: string; backends: readonly { service: string; weight: number }[] }[];
  wave: number;
}
export interface Objects {
  deployments: readonly Deployment[];
  services: readonly Service[];
  routes: readonly Route[];
  configMaps: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** `Kind/name` of what is accepted and not simulated. */
  notSimulated: readonly string[];
}

/** @throws Error naming the object that cannot be understood */
export function readObjects(manifests: string): Objects {
  const deployments: Deployment[] = [];
  const services: Service[] = [];
  const routes: Route[] = [];
  const configMaps = new Map<string, Readonly<Record<string, string>>>();
  const notSimulated: string[] = [];
  for (const value of loadAll(manifests, { schema: CORE_SCHEMA })) {
    if (value === null || value === undefined) continue;
    const { kind, metadata: meta } = value as { kind?: string; metadata?: { name?: string } };
    const name = `${kind}/${meta?.name}`;
    if (kind === 'Deployment') deployments.push(toDeployment(read(name, deployment, value)));
    else if (kind === 'Service') services.push(toService(read(name, service, value)));
    else if (kind === 'HTTPRoute') routes.push(toRoute(read(name, route, value)));
    else if (kind === 'ConfigMap') {
      const map = read(name, configMap, value);
      configMaps.set(map.metadata.name, map.data);
    } else notSimulated.push(name);
  }
  return { deployments, services, routes, configMaps, notSimulated };
}

function read<S extends z.ZodType>(name: string, schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new Error(`${name}: ${issue?.path.join('.')}: ${issue?.message}`);
}

function toDeployment(d: z.output<typeof deployment>): Deployment {
  const { replicas, strategy } = d.spec;
  const rolling = strategy?.rollingUpdate;
  return {
    name: d.metadata.name,
    replicas,
    // Kubernetes rounds a percentage of surge up and of unavailable down.
    surge: absolute(rolling?.maxSurge ?? '25%', replicas, Math.ceil),
    unavailable: absolute(rolling?.maxUnavailable ?? '25%', replicas, Math.floor),
    recreate: strategy?.type === 'Recreate',
    template: d.spec.template,
    hash: hashOf(d.spec.template),
    wave: waveOf(d.metadata.annotations),
  };
}

function hashOf(template: PodTemplate): string {
  return createHash('sha256').update(JSON.stringify(template)).digest('hex').slice(0, 10);
}

/** The same Deployment with an environment variable set in its template: a new hash, so that its pods are old. */
export function withVariable(deployment: Deployment, { name, value }: { name: string; value: string }): Deployment {
  const template = structuredClone(deployment.template);
  for (const c of template.spec.containers) c.env = [...c.env.filter((e) => e.name !== name), { name, value }];
  return { ...deployment, template, hash: hashOf(template) };
}

function absolute(value: number | string, replicas: number, round: (n: number) => number): number {
  return typeof value === 'number' ? value : round((Number.parseInt(value, 10) * replicas) / 100);
}

function toService(s: z.output<typeof service>): Service {
  return {
    name: s.metadata.name,
    selector: s.spec.selector,
    ports: s.spec.ports.map((p) => ({ port: p.port, targetPort: p.targetPort ?? p.port })),
  };
}

function toRoute(r: z.output<typeof route>): Route {
  return {
    name: r.metadata.name,
    hostnames: r.spec.hostnames,
    rules: r.spec.rules.map((rule) => ({
      prefix: rule.matches[0]?.path?.value ?? '/',
      backends: rule.backendRefs.map((b) => ({ service: b.name, weight: b.weight })),
    })),
    wave: waveOf(r.metadata.annotations),
  };
}

function waveOf(annotations: Readonly<Record<string, string>>): number {
  return Number(annotations['argocd.argoproj.io/sync-wave'] ?? 0);
}
