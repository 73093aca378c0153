/** Mode promote: an image that exists, and was tested, gets its final tags, byte for byte. */
import { type ImageRef, nameOf } from '../oci/index.ts';
import { ActionError } from '../runner/index.ts';
import { copyImage } from './copy.ts';
import { findRevision, type Planned, runFacts, timeOfCommit } from './facts.ts';
import type { BuildInputs } from './inputs.ts';
import { inspectImage } from './inspect.ts';
import { KEY_LABEL, SOURCE_LABEL } from './labels.ts';
import type { Ports } from './ports.ts';
import type { Located } from './probe.ts';
import { checkSize } from './prove.ts';
import { publish } from './publish.ts';
import type { Phase, Progress, Result } from './result.ts';
import { planTags } from './tags.ts';

/** @throws ActionError E_SOURCE, and those of publishing */
export async function promote(inputs: BuildInputs, ports: Ports, progress: Progress, phase: Phase): Promise<Result> {
  const { source } = inputs;
  if (source === undefined) throw new Error('the schema lets no promote pass without a source');
  const facts = await runFacts(inputs, ports);
  const found = await phase('plan', () => locate(source, ports));
  const { digest, platforms } = found.inspected;
  const label = (name: string): string => platforms[0]?.labels[name] ?? '';
  const key = { key: label(KEY_LABEL), source: label(SOURCE_LABEL) };
  const revision = await findRevision(inputs.workspace, ports);
  const commitTime = await timeOfCommit(facts.event, revision, inputs.workspace, ports);
  const tagFacts = { event: facts.event, revision, commitTime, key: key.key === '' ? undefined : key.key };
  const plan: Planned = {
    ...facts,
    revision,
    tags: planTags(inputs.tags, tagFacts, inputs.immutableTags),
    key,
    bases: [],
    // What was tested is what gets the tag: no other image will do, of the same source or not.
    relate: (image) => (image === undefined || image.problems.length > 0 ? 'unsound' : 'foreign'),
  };
  if (inputs.platformsGiven) checkPlatforms(inputs, found);
  checkSize(found.inspected, inputs.sizeBudget);
  const result = { plan, inspected: found.inspected, reused: true, engine: '' };
  if (facts.push === 'none') return { ...result, pushed: false, reason: 'push is off, so no tag was written' };
  const start = await phase('prove', async (): Promise<Located> => {
    const [image] = inputs.images;
    if (nameOf(image) === nameOf(found.image)) return found;
    await copyImage(found.image, image, found.inspected, ports.registryFor);
    return { image, inspected: found.inspected };
  });
  await phase('publish', () =>
    publish({ start, images: inputs.images, staging: undefined, plan }, progress.states, ports),
  );
  return { ...result, pushed: true, reason: `promoted from ${nameOf(found.image)}@${digest}` };
}

/** A tag is resolved once; from then on only its digest counts. */
async function locate(source: ImageRef, ports: Ports): Promise<Located> {
  const registry = ports.registryFor(source.host);
  const name = `${nameOf(source)}${source.digest === undefined ? `:${source.tag}` : `@${source.digest}`}`;
  const refuse = (why: string): ActionError =>
    new ActionError('E_SOURCE', { what: name, why, fix: 'Build it first, and hand its digest over' });
  const digest = source.digest ?? (await registry.head(source.repository, source.tag ?? ''))?.digest;
  if (digest === undefined) throw refuse('the registry does not have it');
  const inspected = await inspectImage(registry, source.repository, digest);
  if (inspected === undefined) throw refuse('the registry does not have it');
  if (inspected.problems[0] !== undefined) throw refuse(inspected.problems[0]);
  ports.log.info(`source ${nameOf(source)}@${digest}`);
  return { image: { host: source.host, repository: source.repository }, inspected };
}

function checkPlatforms(inputs: BuildInputs, { inspected }: Located): void {
  const there = inspected.platforms.map((p) => p.platform);
  const missing = inputs.platforms.filter((p) => !there.some((t) => t === p || t.startsWith(`${p}/`)));
  if (missing.length === 0) return;
  const why = `it has no ${missing.join(', ')}, only ${there.join(', ')}`;
  throw new ActionError('E_SOURCE', { what: inspected.digest, why, fix: 'Build it for every platform' });
}
