/** The links `pod`, `digest` and `image`: what runs, which digest that is, and what the registry says of it. Pure. */
import { type Digest, type ImageName, nameOf } from '../oci/index.ts';
import { type Evidence, type Link, linkOf } from './links.ts';
import { containersOf, digestsOf, type RunningPods } from './pods.ts';
import type { ImageFacts } from './registry.ts';

export function podLink(running: RunningPods | { problem: string } | undefined, image: ImageName): Link {
  const { ok, missing, mismatch, unverified } = linkOf('pod');
  if (running === undefined) return unverified('nobody was asked what runs: give --pod-json or --argocd-url');
  if ('problem' in running) return missing(running.problem);
  const names: Evidence = running.pods.slice(0, 5).map(({ name }) => ['pod', name]);
  const own = containersOf(running, image);
  if (own.length > 0)
    return ok([...names, ...unique(own.map((c) => c.imageId || c.image)).map((id) => ['image id', id] as const)]);
  const others = unique(running.pods.flatMap((pod) => pod.containers).map((c) => c.image));
  if (others.length === 0) return missing('no container runs', names);
  return mismatch(`no container runs ${nameOf(image)}`, [...names, ...others.map((text) => ['runs', text] as const)]);
}

/** The digest that the rest of the chain is about, or why there is none. */
export function chooseDigest(
  running: RunningPods | undefined,
  image: ImageName,
  wanted: Digest | undefined,
): Digest | Link {
  if (wanted !== undefined) return wanted;
  const { missing } = linkOf('digest');
  const own = running === undefined ? [] : containersOf(running, image).map(digestsOf);
  // What the manifest pins comes first: a node may name the image of its platform in place of the index.
  const found = unique(own.flatMap(({ pinned, started }) => pinned ?? started ?? []));
  if (found.length === 1) return found[0] as Digest;
  if (found.length === 0) return missing('neither the manifest of the pod nor its node names a digest');
  const evidence: Evidence = found.map((digest) => ['runs', digest]);
  return missing('several digests of this image run: name one with --digest', evidence);
}

/** @param facts of the registry, which tell what other digests name the same image */
export function digestLink(
  running: RunningPods | undefined,
  image: ImageName,
  digest: Digest,
  facts: ImageFacts | undefined,
): Link {
  const { ok, mismatch } = linkOf('digest');
  const evidence: Evidence = [['digest', digest]];
  if (running === undefined) return ok(evidence);
  const own = containersOf(running, image).map(digestsOf);
  const same = (found: Digest | undefined): boolean => found === digest || facts?.related.has(found ?? '') === true;
  const mine = own.filter(({ pinned, started }) => same(pinned) || (pinned === undefined && same(started)));
  if (mine.length === 0) {
    const runs = unique(own.flatMap(({ pinned, started }) => pinned ?? started ?? []));
    return mismatch('no container runs this digest', [...evidence, ...runs.map((d) => ['runs', d] as const)]);
  }
  const other = mine.find(({ started }) => started !== undefined && !same(started));
  if (other !== undefined)
    return mismatch('the node started another digest than the manifest of the pod names', [
      ...evidence,
      ['started', other.started ?? ''],
    ]);
  return ok(evidence);
}

const REVISION = /^([0-9a-f]{40}|[0-9a-f]{64})$/;

/** @param sourceRepository `owner/name`, '' when the command line names none */
export function imageLink(facts: ImageFacts | undefined, ref: string, sourceRepository: string): Link {
  const { ok, missing, mismatch } = linkOf('image');
  if (facts === undefined) return missing('the registry has no such manifest', [['image', ref]]);
  const evidence: Evidence = [
    ['image', ref],
    ['type', facts.mediaType],
    ['platforms', facts.platforms.join(', ')],
    ...facts.revisions.map((text) => ['revision', text] as const),
    ...facts.sources.map((text) => ['source', text] as const),
  ];
  if (facts.revisions.length > 1 || facts.sources.length > 1)
    return mismatch('its platforms come from different sources', evidence);
  const [revision = ''] = facts.revisions;
  const [source = ''] = facts.sources;
  if (revision === '') return missing('it has no label org.opencontainers.image.revision', evidence);
  if (!REVISION.test(revision)) return mismatch('its label revision is no full commit id', evidence);
  if (sourceRepository !== '' && addressOf(source).repository !== sourceRepository.toLowerCase())
    return mismatch(`its label source is not ${sourceRepository}`, evidence);
  return ok(evidence);
}

/**
 * What an address, a label `host/owner/name` or a plain `owner/name` is about, in lower case; '' for what it does not tell.
 * @param text untrusted
 */
export function addressOf(text: string): { host: string; repository: string } {
  const form = /^(?:(?:https?:\/\/)?([^/?#\s@]+)\/)?(?:[^/?#\s]+\/)*?([^/?#\s:]+\/[^/?#\s:]+?)(?:\.git)?\/?$/;
  const [, host = '', repository = ''] = form.exec(text.toLowerCase()) ?? [];
  return { host, repository };
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
