/** Outputs, summary and the final line. Pure. */
import { type Digest, nameOf } from '../oci/index.ts';
import { formatBytes, formatSeconds, markdown } from '../text/index.ts';
import type { BuildInputs } from './inputs.ts';
import type { InspectedImage } from './inspect.ts';
import { REVISION_LABEL } from './labels.ts';
import type { Plan } from './plan.ts';
import type { TagState } from './publish.ts';

export interface Result {
  plan: Plan;
  /** undefined: nothing was pushed or found. */
  inspected: InspectedImage | undefined;
  states: readonly TagState[];
  reused: boolean;
  reason: string;
  pushed: boolean;
  engine: string;
  seconds: Readonly<Record<string, number>>;
}

/** The tag that others should use: the first immutable one, else the first. */
function mainTag(plan: Plan): string {
  return (plan.tags.find((t) => t.immutable) ?? plan.tags[0])?.tag ?? '';
}

export function outputsOf(inputs: BuildInputs, r: Result): Record<string, string | boolean | number> {
  const { plan, inspected } = r;
  const image = nameOf(inputs.images[0]);
  const tag = mainTag(plan);
  const digest: Digest | '' = inspected?.digest ?? '';
  const ref = digest === '' ? '' : `${image}:${tag}@${digest}`;
  const platforms = inspected?.platforms ?? [];
  const bases = plan.bases.map(({ name, digest: of, pinned }) => ({ name, digest: of ?? null, pinned }));
  const builtRevision = platforms[0]?.labels[REVISION_LABEL] ?? plan.revision ?? '';
  const images = inputs.images.map((i) => ({
    image: nameOf(i),
    tags: r.states
      .filter((s) => s.image === nameOf(i))
      .map(({ tag: t, digest: d, state }) => ({ tag: t, digest: d, state })),
  }));
  const json = {
    version: 1,
    ok: true,
    images,
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
    timings: r.seconds,
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

export function noticeOf(inputs: BuildInputs, r: Result): string {
  const image = nameOf(inputs.images[0]);
  const total = Object.values(r.seconds).reduce((sum, s) => sum + s, 0);
  if (r.inspected === undefined) {
    return `${image}:${mainTag(r.plan)} ${inputs.mode === 'plan' ? 'would be built' : 'built, not pushed'} in ${formatSeconds(total)}`;
  }
  const verb = r.reused ? 'reused' : 'built';
  return `${image}:${mainTag(r.plan)} @${r.inspected.digest} ${verb} in ${formatSeconds(total)}`;
}

export function summaryOf(inputs: BuildInputs, r: Result): string {
  const { plan, inspected } = r;
  const { code, text, table, fence } = markdown;
  const parts = [`### build-image\n\n${text(noticeOf(inputs, r))} (${text(r.reason)})\n`];
  if (r.states.length > 0) {
    parts.push(
      table(
        ['image', 'tag', 'state'],
        r.states.slice(0, 40).map((s) => [code(s.image), code(s.tag), s.state]),
      ),
    );
  }
  if (inspected !== undefined) parts.push(fence(inspected.digest));
  if (plan.bases.length > 0) {
    const rows = plan.bases
      .slice(0, 20)
      .map((b) => [code(b.name), b.pinned ? 'pinned' : 'moving', code(b.digest ?? '?')]);
    parts.push(table(['base', '', 'digest'], rows));
  }
  for (const p of inspected?.platforms ?? []) {
    const largest = [...p.layers].sort((a, b) => b.size - a.size).slice(0, 3);
    parts.push(
      `${text(p.platform)}: ${formatBytes(p.size)}, largest layers ${largest.map((l) => formatBytes(l.size)).join(', ')}\n`,
    );
  }
  const phases = Object.entries(r.seconds);
  parts.push(
    table(
      phases.map(([name]) => name),
      [phases.map(([, s]) => formatSeconds(s))],
    ),
  );
  parts.push(`source key ${code(plan.key.key)}\n`);
  return parts.join('\n');
}
