/** Outputs and the final line. Pure. */
import { type Digest, type ImageName, nameOf } from '../oci/index.ts';
import { formatSeconds, truncateBytes } from '../text/index.ts';
import type { Planned } from './facts.ts';
import type { BuildInputs } from './inputs.ts';
import { knownPlatform } from './inspect.ts';
import { REVISION_LABEL } from './labels.ts';
import { fitLines, fitLists, MAX_OUTPUTS, sizeOf } from './output-size.ts';
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

export interface Outputs {
  values: Record<string, string | boolean | number>;
  /** Lists that are not whole, for all of them together were too large. */
  cut: string[];
}

/** Most of what is left after the single values; the rest is for `json`. */
const SHARES = { tags: 1 / 3, refs: 1 / 6, bases: 1 / 8 };

export function outputsOf(inputs: BuildInputs, r: Result, { states, seconds, warnings }: Progress): Outputs {
  const { plan, inspected } = r;
  const image = nameOf(inputs.images[0]);
  const tag = mainTag(plan);
  const digest: Digest | '' = inspected?.digest ?? '';
  const ref = digest === '' ? '' : `${image}:${tag}@${digest}`;
  const platforms = inspected?.platforms ?? [];
  const builtRevision = platforms[0]?.labels[REVISION_LABEL] ?? plan.revision ?? '';
  const [single] = platforms.length === 1 ? platforms : [];
  // action.yml has to declare each of these: under any other name the digest of a leg would be lost without a word.
  const known = knownPlatform(single?.platform ?? '', inputs.mode === 'build' ? inputs.platforms : []);
  const values = {
    image,
    tag,
    digest,
    ref,
    reused: r.reused,
    pushed: r.pushed,
    'source-key': plan.key.key,
    revision: plan.revision ?? '',
    'built-revision': builtRevision,
    platforms: platforms.map((p) => p.platform).join('\n'),
    size: Math.max(0, ...platforms.map((p) => p.size)),
    engine: r.engine,
    ...(single === undefined ? {} : { [`digest-${known.replaceAll('/', '-')}`]: digest }),
  };
  const names = sizeOf({ tags: '', refs: '', 'base-images': '', json: '' });
  const room = Math.max(0, MAX_OUTPUTS - sizeOf(values) - names);
  const allTags = plan.tags.map((t) => t.tag);
  const tags = fitLines(allTags, room * SHARES.tags);
  const refs = fitLines(
    inputs.images.flatMap((i) => allTags.map((t) => `${nameOf(i)}:${t}`)),
    room * SHARES.refs,
  );
  const bases = plan.bases.map(({ name, digest: of, pinned }) => ({ name, digest: of ?? null, pinned }));
  const baseImages = fitLists({ bases }, room * SHARES.bases, (lists) => JSON.stringify(lists.bases));
  const others = [
    ...(tags.cut ? ['tags'] : []),
    ...(refs.cut ? ['refs'] : []),
    ...(baseImages.cut.length > 0 ? ['base-images'] : []),
  ];
  const listed = platforms.map((p) => ({
    platform: p.platform,
    digest: p.digest,
    size: p.size,
    layers: p.layers.length,
  }));
  const left = room - sizeOf({ '': tags.text + refs.text + baseImages.text });
  const json = fitLists({ images: states, platforms: listed, bases, warnings }, left, (lists, cut) =>
    JSON.stringify({
      version: 1,
      ok: true,
      images: imagesOf(inputs.images, lists.images),
      tag,
      digest,
      ref,
      sourceKey: plan.key.key,
      reused: r.reused,
      reuseReason: r.reason,
      revision: plan.revision ?? '',
      builtRevision,
      platforms: lists.platforms,
      bases: lists.bases,
      engine: r.engine,
      timings: seconds,
      warnings: lists.warnings,
      ...whatIsCut([...cut.map((name) => `json.${name}`), ...others]),
    }),
  );
  return {
    values: { ...values, tags: tags.text, refs: refs.text, 'base-images': baseImages.text, json: json.text },
    cut: [...json.cut.map((name) => `json.${name}`), ...others],
  };
}

function whatIsCut(cut: readonly string[]): { cut?: readonly string[] } {
  return cut.length === 0 ? {} : { cut };
}

const MAX_MESSAGE = 4096;

/** The one output of a run that failed. */
export function failedOutput(
  all: readonly ImageName[],
  { code, message }: { code: string; message: string },
  { states, seconds, warnings }: Progress,
): string {
  const error = { code, message: truncateBytes(message, MAX_MESSAGE) };
  const { text } = fitLists({ images: states, warnings }, MAX_OUTPUTS - sizeOf({ json: '' }), (lists, cut) => {
    const images = imagesOf(all, lists.images);
    const listed = { images, timings: seconds, warnings: lists.warnings };
    return JSON.stringify({ version: 1, ok: false, ...error, ...listed, ...whatIsCut(cut.map((n) => `json.${n}`)) });
  });
  return text;
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
