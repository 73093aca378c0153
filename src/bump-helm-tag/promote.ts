/** Promotion: a target gets the image that another file of the same snapshot runs, whole: tag, digest and revision. */
import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { formatPath, type YamlSource } from '../yaml/index.ts';
import type { Snapshot } from './config-repository.ts';
import { currentRef, imageFailure, readImage, sameImage, sameRef } from './image-site.ts';
import { searchOwner } from './order.ts';
import { targetId } from './plan.ts';
import { openFile } from './round.ts';
import { checkWant, type ImageTarget, type ImageWant, type Source, type Target } from './target.ts';

/**
 * Fills in the image of every promoted target. Source and target share the value path, as files of environments do.
 * @param from file that the image comes from
 * @throws ActionError E_FILE_MISSING, E_PATH_MISSING, E_OTHER_IMAGE, E_OWNER_UNREADABLE (nobody knows which commit the image was built from)
 */
export async function promote(
  targets: readonly Target[],
  from: string,
  snapshot: Snapshot,
): Promise<readonly Target[]> {
  const source = openFile(snapshot, from);
  const filled: Target[] = [];
  for (const target of targets)
    filled.push(target.kind === 'image' && target.promote === true ? await fill(target, source, snapshot) : target);
  return filled;
}

async function fill(target: ImageTarget, source: YamlSource, snapshot: Snapshot): Promise<ImageTarget> {
  const site = readImage(source, target);
  const now = currentRef(site);
  if (site.kind === 'missing' || (now.tag === '' && now.digest === ''))
    throw imageFailure(
      'E_PATH_MISSING',
      source,
      target,
      'it names no version that could be promoted',
      'Deliver there first',
    );
  const want: ImageWant = {
    image: target.want.image || now.image,
    tag: now.tag || undefined,
    digest: now.digest || undefined,
  };
  const other = now.image !== '' && !sameImage(want.image, now.image);
  const problem = other ? `it names "${oneLine(now.image, 120)}", not "${oneLine(want.image, 120)}"` : checkWant(want);
  if (problem !== undefined)
    throw imageFailure(
      'E_OTHER_IMAGE',
      source,
      target,
      problem,
      'Give image, or write registry and repository into the file',
    );
  const owner = await ownerOf(target, source.file, now, snapshot);
  if (owner === undefined)
    throw new ActionError('E_OWNER_UNREADABLE', {
      what: `promotion of ${oneLine(formatPath(target.path), 200)} from ${oneLine(source.file, 200)}`,
      why: 'neither a revision key beside the image nor a handoff commit says which commit it was built from',
      fix: 'Add the key revision to the image map, or hand the image off with this action first',
    });
  return {
    ...target,
    want: {
      ...want,
      revision: owner.revision,
      ...(owner.repository === '' ? {} : { sourceRepository: owner.repository }),
    },
  };
}

async function ownerOf(
  target: ImageTarget,
  file: string,
  now: { tag: string; digest: string; revision: string },
  snapshot: Snapshot,
): Promise<Source | undefined> {
  const site = {
    id: targetId(file, target.document, target.path),
    revision: now.revision,
    // A commit at the end of a tag is a guess, and may be short: not enough to be written down as a fact.
    tag: '',
    empty: false,
    matches: (logged: string) => sameRef(now, logged),
  };
  const owner = await searchOwner(site, snapshot);
  return owner.kind === 'revision' ? owner : undefined;
}
