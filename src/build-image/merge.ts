/** Mode merge: platform images of matrix jobs become one index, byte for byte the same each time. */
import { createHash } from 'node:crypto';
import {
  type Digest,
  type Index,
  isAttestation,
  type Manifest,
  mapLimited,
  nameOf,
  type StoredBytes,
} from '../oci/index.ts';
import { ActionError } from '../runner/index.ts';
import { findRevision, type Planned, runFacts, stagingTag, timeOfCommit } from './facts.ts';
import type { BuildInputs } from './inputs.ts';
import { type InspectedImage, inspectImage, samePlatforms } from './inspect.ts';
import { KEY_LABEL, SOURCE_LABEL } from './labels.ts';
import { buildIndex, type Child } from './merge-index.ts';
import type { Ports } from './ports.ts';
import { checkSize } from './prove.ts';
import { publish } from './publish.ts';
import type { Phase, Progress, Result } from './result.ts';
import { planTags } from './tags.ts';

/** @throws ActionError E_MERGE, and those of publishing */
export async function merge(inputs: BuildInputs, ports: Ports, progress: Progress, phase: Phase): Promise<Result> {
  const [primary] = inputs.images;
  const registry = ports.registryFor(primary.host);
  const facts = await runFacts(inputs, ports);
  const none = { inspected: undefined, reused: false, pushed: false, engine: '' };
  if (facts.push === 'none') {
    const plan: Planned = {
      ...facts,
      revision: undefined,
      tags: [],
      key: { key: '', source: '' },
      bases: [],
      relate: () => 'foreign',
    };
    return { plan, ...none, reason: 'push is off, so there is nothing to merge' };
  }
  const parts = await phase('plan', () =>
    mapLimited(inputs.digests, 4, async (digest) => {
      const found = await inspectImage(registry, primary.repository, digest);
      const problem = found === undefined ? 'it does not exist' : found.problems[0];
      if (found === undefined || problem !== undefined) throw refuse(`${nameOf(primary)}@${digest}`, problem ?? '');
      return found;
    }),
  );
  const children = flatten(parts);
  const platforms = check(inputs, children);
  const revision = await findRevision(inputs.workspace, ports);
  const commitTime = await timeOfCommit(facts.event, revision, inputs.workspace, ports);
  const key = { key: hashOf(children.map((c) => c.digest)), source: sourceOf(parts) };
  const tags = planTags(inputs.tags, { event: facts.event, revision, commitTime, key: key.key }, inputs.immutableTags);
  const { url, name } = facts.event.repository;
  const [only] = children.length === 1 ? parts.flatMap((p) => p.all.filter((m) => m.kind === 'manifest')) : [];
  // A single child is not wrapped.
  const index: StoredBytes =
    only ??
    buildIndex(children, inputs.platformsGiven ? inputs.platforms : [], [
      ['org.opencontainers.image.source', url],
      ['org.opencontainers.image.title', name],
      [KEY_LABEL, key.key],
    ]);
  const plan: Planned = {
    ...facts,
    revision,
    tags,
    key,
    bases: [],
    relate(image) {
      if (image === undefined || image.problems.length > 0) return 'unsound';
      const found = image.platforms.map((p) => p.platform);
      if (!samePlatforms(found, platforms)) return 'unsound';
      if (hashOf(childDigests(image)) === key.key) return 'ours';
      return key.source !== '' && sourceOf([image]) === key.source ? 'same-source' : 'foreign';
    },
  };
  const inspected = await phase('prove', async () => {
    if ((await registry.head(primary.repository, index.digest)) === undefined) {
      await registry.putManifest(primary.repository, index.digest, index);
    }
    // Its bytes are checked by the client; what it names was read, and each blob of it looked at, a moment ago.
    const stored = await registry.getManifest(primary.repository, index.digest);
    if (stored === undefined) throw refuse(`${nameOf(primary)}@${index.digest}`, 'the registry does not serve it');
    return together(stored, parts);
  });
  checkSize(inspected, inputs.sizeBudget);
  const start = { image: primary, inspected };
  const staging = stagingTag(facts.event, key.key);
  const published = await phase('publish', () =>
    publish({ start, images: inputs.images, staging, plan }, progress.states, ports),
  );
  return {
    plan,
    inspected: published.located.inspected,
    reused: published.adopted,
    reason: published.adopted ? 'another run of the same source was first' : `merged from ${children.length} manifests`,
    pushed: true,
    engine: '',
  };
}

/** What an inspection of the index would give. */
function together(stored: Manifest | Index, parts: readonly InspectedImage[]): InspectedImage {
  const below = parts.flatMap((p) => p.all).filter((m) => m.kind === 'manifest' && m.digest !== stored.digest);
  const platforms = parts.flatMap((p) => p.platforms).sort((a, b) => (a.platform < b.platform ? -1 : 1));
  return { digest: stored.digest, manifest: stored, all: [stored, ...below], platforms, problems: [] };
}

/** Platform manifests and their attestations, as they stand in the given images. */
function flatten(parts: readonly InspectedImage[]): Child[] {
  return parts.flatMap((part): Child[] => {
    const bytesOf = (digest: Digest) => part.all.find((m) => m.digest === digest);
    const platformOf = (digest: Digest) => part.platforms.find((p) => p.digest === digest)?.platform;
    const entries = part.all.flatMap((node) => (node.kind === 'index' ? node.manifests : []));
    return part.all.flatMap((node): Child[] => {
      if (node.kind === 'index') return [];
      const entry = entries.find((e) => e.digest === node.digest);
      const attestation = entry !== undefined && isAttestation(entry);
      const { digest, mediaType, bytes } = bytesOf(node.digest) ?? node;
      const annotations = attestation ? entry.annotations : undefined;
      return [{ digest, mediaType, size: bytes.length, platform: platformOf(digest), annotations }];
    });
  });
}

/** @returns the platforms of the children @throws ActionError E_MERGE which names what is missing and what is double */
function check(inputs: BuildInputs, children: readonly Child[]): string[] {
  const found = children.flatMap((c) => c.platform ?? []);
  const double = found.filter((p, i) => found.indexOf(p) !== i);
  const problems: string[] = [];
  if (found.length === 0) problems.push('no digest of a platform is given');
  if (double.length > 0) problems.push(`double: ${[...new Set(double)].join(', ')}`);
  if (inputs.platformsGiven) {
    const fits = (a: string, b: string): boolean => samePlatforms([a], [b]);
    const missing = inputs.platforms.filter((p) => !found.some((f) => fits(f, p)));
    const extra = found.filter((f) => !inputs.platforms.some((p) => fits(f, p)));
    if (missing.length > 0) problems.push(`missing: ${missing.join(', ')}`);
    if (extra.length > 0) problems.push(`not asked for: ${extra.join(', ')}`);
  }
  if (problems.length > 0) throw refuse('digests', problems.join('; '));
  return found;
}

function refuse(what: string, why: string): ActionError {
  const fix = 'Let each job of the matrix build its own platform, and hand every digest over';
  return new ActionError('E_MERGE', { what, why, fix });
}

function hashOf(digests: readonly string[]): string {
  return createHash('sha256')
    .update([...digests].sort().join('\n'))
    .digest('hex');
}

function childDigests(image: InspectedImage): string[] {
  return image.all.filter((m) => m.kind === 'manifest').map((m) => m.digest);
}

/** Of the sources of all platforms; empty when one has no label. */
function sourceOf(parts: readonly InspectedImage[]): string {
  const sources = parts.flatMap((p) =>
    p.platforms.map(({ platform, labels }) => [platform, labels[SOURCE_LABEL] ?? '']),
  );
  return sources.some(([, source]) => source === '') ? '' : hashOf(sources.map((pair) => pair.join(' ')));
}
