/** The images that rendered manifests ask for, and how they stand to those that run. Pure. */
import { CORE_SCHEMA, loadAll } from 'js-yaml';
import { fields, isFields, list } from '../argocd/index.ts';
import { type Digest, type ImageName, nameOf, parseRef } from '../oci/index.ts';
import { type Evidence, type Link, linkOf } from './links.ts';
import type { RunningPods } from './pods.ts';

export interface Rendered {
  /** Of workloads that have to run. */
  always: ReadonlySet<string>;
  /** Of what may run: jobs, hooks, workloads of no replica. */
  maybe: ReadonlySet<string>;
}

const WORKLOADS = new Set([
  'Pod',
  'Deployment',
  'StatefulSet',
  'DaemonSet',
  'ReplicaSet',
  'ReplicationController',
  'Rollout',
]);

/** @throws Error when it is no YAML */
export function imagesIn(manifests: string): Rendered {
  const always = new Set<string>();
  const maybe = new Set<string>();
  for (const document of loadAll(manifests, { schema: CORE_SCHEMA })) {
    const { kind, spec, metadata } = fields(document);
    const isHook = fields(fields(metadata).annotations)['helm.sh/hook'] !== undefined;
    const runs = WORKLOADS.has(String(kind)) && !isHook && fields(spec).replicas !== 0;
    for (const image of imagesOf(spec)) (runs ? always : maybe).add(canonical(image));
  }
  return { always, maybe };
}

/** Of all lists of containers in a spec, however deep its pod template lies. */
function imagesOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(imagesOf);
  if (!isFields(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'containers' || key === 'initContainers'
      ? list(inner).flatMap((one) => {
          const { image } = fields(one);
          return typeof image === 'string' ? [image] : [];
        })
      : imagesOf(inner),
  );
}

/** One spelling for a reference: `nginx` and `docker.io/library/nginx:latest` are the same. */
export function canonical(text: string): string {
  const ref = parseRef(text);
  if (ref === undefined) return text;
  const tag = ref.tag === undefined ? '' : `:${ref.tag}`;
  return `${nameOf(ref)}${tag}${ref.digest === undefined ? '' : `@${ref.digest}`}`;
}

/**
 * The link `values`: exactly what is asked for runs. Of one pod alone, what it runs has to be asked for.
 * @param running undefined: nobody said what runs
 */
export function compareImages(
  rendered: Rendered,
  running: RunningPods | undefined,
  image: ImageName,
  digest: Digest,
  evidence: Evidence,
): Link {
  const { ok, mismatch, unverified } = linkOf('values');
  const asked = new Set([...rendered.always, ...rendered.maybe]);
  const shown: Evidence = [...evidence, ...[...asked].map((text) => ['renders', text] as const)];
  if (running === undefined) {
    const own = [...asked].filter(
      (text) => text.startsWith(`${nameOf(image)}:`) || text.startsWith(`${nameOf(image)}@`),
    );
    const pinned = own.filter((text) => text.includes('@'));
    if (pinned.some((text) => text.endsWith(`@${digest}`)))
      return unverified('it renders to this digest, and nobody was asked what runs', shown);
    return own.length > pinned.length
      ? unverified('it renders to a tag alone, and nobody was asked what runs', shown)
      : mismatch('it does not render to this digest', shown);
  }
  const runs = new Set(running.pods.flatMap((pod) => pod.containers).map((c) => canonical(c.image)));
  const foreign = [...runs].filter((text) => !asked.has(text));
  if (foreign.length > 0)
    return mismatch('something runs that Git does not ask for', [
      ...shown,
      ...foreign.map((text) => ['runs', text] as const),
    ]);
  const absent = running.complete ? [...rendered.always].filter((text) => !runs.has(text)) : [];
  if (absent.length > 0)
    return mismatch('something does not run that Git asks for', [
      ...shown,
      ...absent.map((text) => ['does not run', text] as const),
    ]);
  return ok(shown);
}
