/** What runs, out of the JSON of pods (`kubectl get pod -o json`). Nothing in it is trusted. Pure. */
import { fields, isFields, list } from '../argocd/index.ts';
import { type Digest, type ImageName, parseDigest, parseRef } from '../oci/index.ts';
import { parseJson } from '../text/index.ts';

export interface ContainerFacts {
  /** As the manifest names it. */
  image: string;
  /** What the node says it started; '' when it says nothing. */
  imageId: string;
}

export interface PodFacts {
  name: string;
  containers: readonly ContainerFacts[];
}

export interface RunningPods {
  pods: readonly PodFacts[];
  /** These are all pods of the application, not one of them. */
  complete: boolean;
}

/**
 * Reads a Pod, or a List of them.
 * @returns the reason when it is neither
 */
export function readPods(text: string): RunningPods | { problem: string } {
  const json = parseJson(text);
  if (!isFields(json)) return { problem: 'it is no JSON of a pod' };
  const isList = Array.isArray(json.items);
  const items = isList ? list(json.items) : [json];
  const pods = items
    .filter((item) => isFields(item) && (item.kind === 'Pod' || (isList && item.kind === undefined)))
    .map((item) => readPod(fields(item)));
  if (pods.length === 0) return { problem: 'there is no pod in it' };
  return { pods: pods.filter(({ over }) => !over), complete: isList };
}

/** @returns `over`: it has ended, and runs nothing */
export function readPod(pod: Readonly<Record<string, unknown>>): PodFacts & { over: boolean } {
  const status = fields(pod.status);
  const ids = new Map(
    [...list(status.containerStatuses), ...list(status.initContainerStatuses)]
      .map(fields)
      .map(({ name, imageID }) => [textOf(name), textOf(imageID)]),
  );
  const spec = fields(pod.spec);
  return {
    name: textOf(fields(pod.metadata).name),
    over: status.phase === 'Succeeded' || status.phase === 'Failed',
    containers: [...list(spec.containers), ...list(spec.initContainers)].map(fields).map(({ name, image }) => ({
      image: textOf(image),
      imageId: ids.get(textOf(name)) ?? '',
    })),
  };
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Containers that run the image, whatever its tag or digest. */
export function containersOf({ pods }: RunningPods, image: ImageName): ContainerFacts[] {
  return pods
    .flatMap((pod) => pod.containers)
    .filter((container) => {
      const ref = parseRef(container.image);
      return ref?.host === image.host && ref.repository === image.repository;
    });
}

/**
 * Digest in an image id: `docker-pullable://host/repo@sha256:…`, `host/repo@sha256:…`, or bare. A bare one may be that of
 * the config in place of the manifest.
 */
export function digestOfId(imageId: string): Digest | undefined {
  return parseDigest(imageId.slice(imageId.lastIndexOf('@') + 1).replace(/^[a-z-]+:\/\//, ''));
}

/** The digests that a container names: the one its manifest pins, and the one its node started. */
export function digestsOf(container: ContainerFacts): { pinned: Digest | undefined; started: Digest | undefined } {
  return { pinned: parseRef(container.image)?.digest, started: digestOfId(container.imageId) };
}
