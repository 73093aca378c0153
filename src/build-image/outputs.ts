/** Outputs and the final line. Pure. */
import { type Digest, type ImageName, nameOf } from '../oci/index.ts';
import { formatSeconds } from '../text/index.ts';
import type { Planned } from './facts.ts';
import type { BuildInputs } from './inputs.ts';
import { REVISION_LABEL } from './labels.ts';
import type { TagState } from './publish.ts';
import type { Progress, Result } from './result.ts';

/** The tag that others should use: the first immutable one, else the first. */
function mainTag(plan: Planned): string {
  return (plan.tags.find((t) => t.immutable) ?? plan.tags[0])?.tag ?? '';
}

function imagesOf(images: readonly ImageName[], states: readonly TagState[]): object[] {
  return images.map((i) => ({
    image: nameOf(i),
    tags: states.filter((s) => s.image === nameOf(i)).map(({ tag, digest, state }) => ({ tag, digest, state })),
  }));
}

export function outputsOf(
  inputs: BuildInputs,
  r: Result,
  { states, seconds, warnings }: Progress,
): Record<string, string | boolean | number> {
  const { plan, inspected } = r;
  const image = nameOf(inputs.images[0]);
  const tag = mainTag(plan);
  const digest: Digest | '' = inspected?.digest ?? '';
  const ref = digest === '' ? '' : `${image}:${tag}@${digest}`;
  const platforms = inspected?.platforms ?? [];
  const bases = plan.bases.map(({ name, digest: of, pinned }) => ({ name, digest: of ?? null, pinned }));
  const builtRevision = platforms[0]?.labels[REVISION_LABEL] ?? plan.revision ?? '';
  const json = {
    version: 1,
    ok: true,
    images: imagesOf(inputs.images, states),
    tag,
    digest,
    ref,
    sourceKey: plan.key.key,
    reused: r.reused,
    reuseReason: r.reason,
    revision: plan.revision ?? '',
    builtRevision,
    platforms: platforms.map((p) => ({
      platform: p.platform,
      digest: p.digest,
      size: p.size,
      layers: p.layers.length,
    })),
    bases,
    engine: r.engine,
    timings: seconds,
    warnings,
  };
  const single = platforms.length === 1 ? platforms[0] : undefined;
  return {
    image,
    tag,
    digest,
    ref,
    tags: plan.tags.map((t) => t.tag).join('\n'),
    refs: inputs.images.flatMap((i) => plan.tags.map((t) => `${nameOf(i)}:${t.tag}`)).join('\n'),
    reused: r.reused,
    pushed: r.pushed,
    'source-key': plan.key.key,
    revision: plan.revision ?? '',
    'built-revision': builtRevision,
    platforms: platforms.map((p) => p.platform).join('\n'),
    size: Math.max(0, ...platforms.map((p) => p.size)),
    'base-images': JSON.stringify(bases),
    engine: r.engine,
    ...(single === undefined ? {} : { [`digest-${single.platform.replaceAll('/', '-')}`]: digest }),
    json: JSON.stringify(json),
  };
}

/** The one output of a run that failed. */
export function failedOutput(
  all: readonly ImageName[],
  error: { code: string; message: string },
  { states, seconds, warnings }: Progress,
): string {
  const images = imagesOf(all, states);
  return JSON.stringify({ version: 1, ok: false, ...error, images, timings: seconds, warnings });
}

export function noticeOf(inputs: BuildInputs, r: Result, { seconds }: Progress): string {
  const name = `${nameOf(inputs.images[0])}:${mainTag(r.plan)}`.replace(/:$/, '');
  const total = formatSeconds(Object.values(seconds).reduce((sum, s) => sum + s, 0));
  if (r.inspected === undefined)
    return `${name} ${inputs.mode === 'plan' ? 'would be built' : notPushed(inputs)} in ${total}`;
  return `${name} @${r.inspected.digest} ${verb(inputs, r)} in ${total}`;
}

function notPushed(inputs: BuildInputs): string {
  return inputs.mode === 'build' ? 'built, not pushed' : 'not written, for push is off';
}

function verb(inputs: BuildInputs, r: Result): string {
  if (inputs.mode === 'merge') return 'merged';
  if (inputs.mode === 'promote') return r.pushed ? 'promoted' : 'found, not promoted';
  return r.reused ? 'reused' : 'built';
}
