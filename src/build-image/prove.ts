/** Reads an image back from the primary registry: nothing else makes a digest an output. */
import { type Digest, type ImageName, nameOf } from '../oci/index.ts';
import { ActionError, type ErrorCode } from '../runner/index.ts';
import { formatBytes } from '../text/index.ts';
import { assertServed } from './copy.ts';
import { type InspectedImage, inspectImage, samePlatforms } from './inspect.ts';
import { KEY_LABEL, SOURCE_LABEL } from './labels.ts';
import type { Plan } from './plan.ts';
import type { Ports } from './ports.ts';
import type { Located } from './probe.ts';

/**
 * @param stage the staging tag that was pushed too; undefined after a push by digest
 * @throws ActionError E_ENGINE_OUTPUT, E_DIGEST, E_CONVERTED, E_PLATFORM, E_NOT_OURS
 */
export async function prove(
  image: ImageName,
  digest: Digest | undefined,
  stage: string | undefined,
  platforms: readonly string[],
  plan: Plan,
  ports: Ports,
): Promise<Located> {
  const what = `${nameOf(image)}@${digest ?? '?'}`;
  const fail = (code: ErrorCode, why: string, fix: string): never => {
    throw new ActionError(code, { what, why, fix });
  };
  if (digest === undefined) return fail('E_ENGINE_OUTPUT', 'the engine named no digest', 'Run again');
  const registry = ports.registryFor(image.host);
  const inspected = await inspectImage(registry, image.repository, digest);
  if (inspected === undefined) {
    const there = stage === undefined ? undefined : await registry.head(image.repository, stage);
    if (there !== undefined) await assertServed(image, digest, ports.registryFor);
    return fail('E_DIGEST', 'the registry does not have what the engine says it pushed', 'Run again');
  }
  if (inspected.problems[0] !== undefined) fail('E_DIGEST', inspected.problems[0], 'Run again');
  const found = inspected.platforms.map((p) => p.platform);
  if (!samePlatforms(found, platforms)) {
    const why = `it is for ${found.join(', ')}, not ${platforms.join(', ')}`;
    fail('E_PLATFORM', why, 'Check the platform of the base image, and what the engine can build');
  }
  if (plan.relate(inspected) !== 'ours') {
    const why = `it lacks the labels ${KEY_LABEL} and ${SOURCE_LABEL} of this run`;
    fail('E_NOT_OURS', why, 'Check who else pushes to this repository');
  }
  ports.log.info(`proven ${what}`);
  return { image, inspected };
}

/** @throws ActionError E_SIZE_BUDGET with the largest layers of the platform that is over */
export function checkSize(image: InspectedImage, budget: number | undefined): void {
  if (budget === undefined) return;
  const [largest] = [...image.platforms].sort((a, b) => b.size - a.size);
  if (largest === undefined || largest.size <= budget) return;
  const layers = [...largest.layers].sort((a, b) => b.size - a.size).slice(0, 3);
  throw new ActionError('E_SIZE_BUDGET', {
    what: `${largest.platform}, ${formatBytes(largest.size)}`,
    why: `the budget is ${formatBytes(budget)}; the largest layers have ${layers.map((l) => formatBytes(l.size)).join(', ')}`,
    fix: 'Make the image smaller, or raise size-budget',
  });
}
