/** Labels of the image: those of the user win. */
import { truncateBytes } from '../text/index.ts';
import type { EventFacts } from './event.ts';
import type { SourceKey } from './source-key.ts';
import type { PlannedTag } from './tags.ts';

export const KEY_LABEL = 'build-image.source-key';
export const SOURCE_LABEL = 'build-image.source';
export const REVISION_LABEL = 'org.opencontainers.image.revision';

export interface LabelFacts {
  event: EventFacts;
  revision: string | undefined;
  commitTime: number | undefined;
  key: SourceKey;
  tags: readonly PlannedTag[];
  /** Base of the final stage. */
  base: { name: string; digest: string | undefined } | undefined;
}

/** All labels in the order of their names. The time is the commit's, never the clock's. */
export function planLabels(f: LabelFacts, user: readonly (readonly [string, string])[]): [string, string][] {
  const { url, name, description, license } = f.event.repository;
  const oci: Record<string, string | undefined> = {
    source: url,
    url,
    title: name,
    description,
    licenses: license,
    revision: f.revision,
    version: f.tags.find((t) => t.rule === 'semver' || t.rule === 'git-tag')?.tag,
    created: f.commitTime === undefined ? undefined : new Date(f.commitTime * 1000).toISOString().replace('.000Z', 'Z'),
    'base.name': f.base?.name,
    'base.digest': f.base?.digest,
  };
  const labels = new Map<string, string>();
  for (const [key, value] of Object.entries(oci)) {
    const clean = truncateBytes((value ?? '').replace(/[\u0000-\u001f\u007f]/g, ' '), 1024);
    if (clean !== '') labels.set(`org.opencontainers.image.${key}`, clean);
  }
  for (const [key, value] of user) labels.set(key, value);
  labels.set(KEY_LABEL, f.key.key);
  labels.set(SOURCE_LABEL, f.key.source);
  return [...labels].sort(([a], [b]) => (a < b ? -1 : 1));
}
