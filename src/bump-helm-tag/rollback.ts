/** The way back: the values that stood there before a handoff commit, planned once, guarded by what that commit wrote. */
import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { find, formatPath, openSource, type ScalarSite, type ValuePath, type YamlSource } from '../yaml/index.ts';
import type { CommitAt, ConfigRepository, LoggedCommit, Snapshot } from './config-repository.ts';
import { currentRef, readImage, sameRef } from './image-site.ts';
import { parseTargetId } from './plan.ts';
import { scalarText } from './state.ts';
import {
  DEFAULT_KEYS,
  KUSTOMIZE_KEYS,
  type RestoredScalar,
  type RestoreTarget,
  type Source,
  splitRef,
  type Target,
} from './target.ts';
import { type BumpBlock, parseBlocks } from './trailers.ts';

export interface RollbackWish {
  /** `previous`, or the full id of a handoff commit. */
  to: string;
  /** Targets that `previous` is looked for. */
  targets: readonly Pick<Target, 'id' | 'file'>[];
  /** Scalars of the run's own, which win over what would come back. */
  riding: readonly Target[];
}

export interface RollbackPlan {
  commit: string;
  /** What comes back, and what rides along. */
  targets: readonly Target[];
}

/**
 * @throws ActionError E_ROLLBACK_UNKNOWN (no such handoff, or nothing before it), E_ROLLBACK_CREATED (keys that the handoff made),
 *   and what reading refuses
 */
export async function planRollback(
  wish: RollbackWish,
  repository: ConfigRepository,
  signal: AbortSignal,
): Promise<RollbackPlan> {
  const commit = await findHandoff(wish, repository, signal);
  const blocks = parseBlocks(commit.message);
  const places = blocks
    .flatMap((b) => b.targets)
    .map((t) => ({ ...t, place: parseTargetId(t.id) }))
    .filter((t, i, all) => all.findIndex((o) => o.id === t.id) === i);
  const parent = commit.parents[0];
  if (places.length === 0 || parent === undefined)
    throw unknown(commit.oid, parent === undefined ? 'nothing stands before it' : 'it is no handoff of this action');
  const paths = [...new Set(places.flatMap(({ place }) => (place === undefined ? [] : [place.file])))];
  // One after the other: a store of git takes one fetch at a time.
  const after = await repository.readAt(commit.oid, paths, signal);
  const before = await repository.readAt(parent, paths, signal);
  const snapshot = await repository.read(paths, signal);
  const log = await snapshot.log(true);
  const won = new Set(wish.riding.map((t) => t.id));
  const targets: Target[] = [];
  for (const { id, place } of places) {
    if (place === undefined) continue;
    const [there, here] = [open(after, place.file), open(before, place.file)];
    if (there === undefined || here === undefined) throw created(id, commit.oid);
    const scalars = scalarsOf(there, here, place, id, commit.oid).filter(
      (s) => !won.has(`${place.file}#${place.document}#${formatPath(s.path)}`),
    );
    if (scalars.length > 0) targets.push(restore(id, place, scalars, here, log));
  }
  return { commit: commit.oid, targets: [...targets, ...wish.riding] };
}

type Place = NonNullable<ReturnType<typeof parseTargetId>>;

async function findHandoff(wish: RollbackWish, repository: ConfigRepository, signal: AbortSignal): Promise<CommitAt> {
  let oid = wish.to;
  if (oid === 'previous') {
    const snapshot = await repository.read([...new Set(wish.targets.map((t) => t.file))], signal);
    const found = await newestHandoff(wish, snapshot);
    if (found === undefined) throw unknown('previous', 'no logged handoff names these targets');
    oid = found.oid;
  }
  const commit = await repository.commitAt(oid, signal);
  if (commit === undefined) throw unknown(oid, 'the config repository has no such commit');
  return commit;
}

// A way back is no step forward: `previous` twice must not bring the bad version in again.
async function newestHandoff(wish: RollbackWish, snapshot: Snapshot): Promise<LoggedCommit | undefined> {
  const ids = new Set(wish.targets.map((t) => t.id));
  const named = (b: BumpBlock): boolean => b.reverts === '' && b.targets.some((t) => ids.has(t.id));
  const newest = (log: readonly LoggedCommit[]): LoggedCommit | undefined =>
    log.find((commit) => parseBlocks(commit.message).some(named));
  return newest(await snapshot.log()) ?? newest(await snapshot.log(true));
}

function scalarsOf(after: YamlSource, before: YamlSource, place: Place, id: string, commit: string): RestoredScalar[] {
  return leaves(after, place).flatMap((path) => {
    const [there, here] = [scalar(after, place, path), scalar(before, place, path)];
    if (there === undefined) return [];
    if (here === undefined) throw created(id, commit);
    const [from, to] = [scalarText(there), scalarText(here)];
    return from.type === to.type && from.text === to.text ? [] : [{ path, from, to }];
  });
}

// A scalar, or the scalars right below a map: what an image map is made of.
function leaves(source: YamlSource, place: Place): ValuePath[] {
  const site = find(source, place.document, place.path);
  if (site.kind === 'scalar') return [place.path];
  if (site.kind === 'missing') return [];
  return site.keys.map((key) => [...place.path, { key }]).filter((path) => scalar(source, place, path) !== undefined);
}

function scalar(source: YamlSource, place: Place, path: ValuePath): ScalarSite | undefined {
  const site = find(source, place.document, path);
  return site.kind === 'scalar' ? site : undefined;
}

function restore(
  id: string,
  place: Place,
  scalars: readonly RestoredScalar[],
  before: YamlSource,
  log: readonly LoggedCommit[],
): RestoreTarget {
  const base = { kind: 'restore' as const, id, ...place, onlyIf: [], scalars };
  const site = find(before, place.document, place.path);
  if (site.kind !== 'map') {
    const value = scalars[0]?.to.text ?? '';
    const { source } = builder(id, '', (logged) => logged === value, log);
    return { ...base, trailer: { kind: 'scalar', value }, source };
  }
  const keys = site.keys.some((key) => key === 'newTag' || key === 'newName') ? KUSTOMIZE_KEYS : DEFAULT_KEYS;
  const now = currentRef(readImage(before, { document: place.document, path: place.path, keys }));
  const version = `${now.tag === '' ? '' : `:${now.tag}`}${now.digest === '' ? '' : `@${now.digest}`}`;
  if (version !== '') {
    const { source } = builder(id, now.revision, (logged) => sameRef(now, logged), log);
    return { ...base, trailer: { kind: 'image', value: `${now.image}${version}` }, source };
  }
  // Keys of other names, which only the run that wrote them knew: its block says what they meant.
  const texts = new Set(scalars.map(({ to }) => to.text).filter((text) => text !== ''));
  const { value, source } = builder(id, '', (logged) => namesOne(texts, logged), log);
  return { ...base, trailer: { kind: 'image', value }, source };
}

function namesOne(texts: ReadonlySet<string>, logged: string): boolean {
  const { tag, digest } = splitRef(logged);
  return texts.has(tag) || texts.has(digest);
}

// Whose build comes back: the next handoff is judged against that one.
function builder(
  id: string,
  revision: string,
  is: (logged: string) => boolean,
  log: readonly LoggedCommit[],
): { value: string; source: Source } {
  const full = /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(revision);
  for (const commit of log)
    for (const block of parseBlocks(commit.message)) {
      const target = block.targets.find((t) => t.id === id && is(t.value));
      if (target !== undefined && (!full || block.sourceRevision === revision))
        return { value: target.value, source: { repository: block.sourceRepository, revision: block.sourceRevision } };
    }
  return { value: '', source: { repository: '', revision: full ? revision : '' } };
}

function open(files: ReadonlyMap<string, Uint8Array | null>, path: string): YamlSource | undefined {
  const bytes = files.get(path);
  return bytes === null || bytes === undefined ? undefined : openSource(bytes, path);
}

function unknown(commit: string, why: string): ActionError {
  return new ActionError('E_ROLLBACK_UNKNOWN', {
    what: `rollback of ${oneLine(commit, 64)}`,
    why,
    fix: 'Name the full id of a handoff commit: the log of the config repository shows them by their Bump-Id',
  });
}

function created(id: string, commit: string): ActionError {
  return new ActionError('E_ROLLBACK_CREATED', {
    what: `rollback of ${oneLine(commit, 64)}`,
    why: `${oneLine(id, 300)} was made by it: nothing stood there before`,
    fix: 'Remove the keys by hand, or revert the commit',
  });
}
