/** What to write into an image map, or a full reference, for a wanted image. Pure. */
import { oneLine } from '../text/index.ts';
import { type Change, find, type ScalarSite, type ValuePath, type YamlSource } from '../yaml/index.ts';
import { type ImageSite, imageFailure, readImage, sameImage, textOf } from './image-site.ts';
import { type ImageKey, type ImageTarget, refText } from './target.ts';

type ImageForm = 'auto' | 'tag' | 'tag@digest';
type OtherImage = 'fail' | 'write' | 'keep';

export interface ImagePolicy {
  form: ImageForm;
  otherImage: OtherImage;
  /** Full source commit, for a `revision` key. */
  revision: string;
  /** Keys that are not there: an error, or made. */
  ifMissing?: 'error' | 'create';
}

/**
 * The scalars to write, in order. Equal ones are among them: the editor skips those.
 * @throws ActionError E_PATH_MISSING, E_OTHER_IMAGE, E_TAG_REQUIRED, E_DIGEST_REQUIRED, E_DIGEST_IGNORED, and what readImage
 *   refuses
 */
export function planImage(source: YamlSource, target: ImageTarget, policy: ImagePolicy): Change[] {
  const site = readImage(source, target);
  if (site.kind === 'missing' && policy.ifMissing !== 'create') {
    const gone = find(source, target.document, target.path);
    throw imageFailure(
      'E_PATH_MISSING',
      source,
      target,
      gone.kind === 'missing' ? gone.why : 'it is not there',
      'Correct the path, add the image map to the file, or set if-missing: create',
    );
  }
  const { want } = target;
  const withDigest = want.digest !== undefined && policy.form !== 'tag';
  if (site.reference !== undefined)
    return [change(target, target.path, referenceText(source, target, site.reference, policy, withDigest))];
  const { tag, digest, revision } = site.keys;
  const intoDigest = digest !== undefined && withDigest;
  if (tag === undefined && (digest === undefined || (!withDigest && textOf(digest) === '')))
    return created(source, target, site, policy, withDigest);
  const changes = repositoryChanges(source, target, site, policy);
  if (tag !== undefined)
    changes.push(change(target, at(target, 'tag'), tagText(source, target, tag, policy, intoDigest)));
  if (intoDigest) changes.push(change(target, at(target, 'digest'), want.digest ?? ''));
  else if (textOf(digest) !== '') {
    throw imageFailure(
      'E_DIGEST_IGNORED',
      source,
      target,
      'the map holds a digest and none would be written: the chart would go on using the old one',
      'Give digest, or empty the key first',
      digest,
    );
  }
  const commit = want.revision ?? policy.revision;
  if (revision !== undefined && commit !== '') changes.push(change(target, at(target, 'revision'), commit));
  return changes;
}

// A map that is made anew says all that is known, its revision too: with it the file itself records who owns it.
function created(
  source: YamlSource,
  target: ImageTarget,
  site: ImageSite,
  policy: ImagePolicy,
  withDigest: boolean,
): Change[] {
  if (policy.ifMissing !== 'create') {
    throw imageFailure(
      'E_PATH_MISSING',
      source,
      target,
      site.keys.digest === undefined ? 'the map has neither a tag nor a digest key' : 'the map has no tag key',
      'Add the key (empty is fine), name it with keys:, or set if-missing: create',
    );
  }
  const { want, keys } = target;
  if (want.tag === undefined && !withDigest) throw tagRequired(source, target, 'a digest is not written there');
  const made = (key: ImageKey, value: string | undefined): Change[] =>
    value === undefined || value === '' || keys[key] === null
      ? []
      : [{ ...change(target, at(target, key), value), ifMissing: 'create' }];
  const whole = site.kind === 'missing';
  return [
    ...(whole ? made('repository', want.image) : repositoryChanges(source, target, site, policy)),
    ...made('tag', want.tag),
    ...(withDigest ? made('digest', want.digest) : []),
    ...(whole || site.keys.revision !== undefined ? made('revision', want.revision ?? policy.revision) : []),
  ];
}

function repositoryChanges(source: YamlSource, target: ImageTarget, site: ImageSite, policy: ImagePolicy): Change[] {
  const { registry, repository } = site.keys;
  if (repository === undefined || site.repositoryKey === undefined) return [];
  const slash = target.want.image.indexOf('/');
  const [host, name] =
    registry === undefined
      ? ['', target.want.image]
      : [target.want.image.slice(0, slash), target.want.image.slice(slash + 1)];
  const now = [textOf(registry), textOf(repository)].filter((part) => part !== '').join('/');
  if (textOf(repository) !== '') {
    if (sameImage(now, target.want.image) || policy.otherImage === 'keep') return [];
    // The key that picks an item of a list must not change: a kustomization finds its image by it.
    const last = target.path.at(-1);
    const picks = last !== undefined && 'where' in last && last.where[0] === site.repositoryKey;
    if (policy.otherImage === 'fail' || picks) {
      throw imageFailure(
        'E_OTHER_IMAGE',
        source,
        target,
        `it names "${oneLine(now, 120)}", not "${oneLine(target.want.image, 120)}"`,
        picks
          ? `Add ${oneLine(target.keys.repository ?? '', 60)} beside it (empty is fine)`
          : 'The usual cause is a path that points at a sidecar; else set other-image: write',
        repository,
      );
    }
  }
  const changes = [change(target, [...target.path, { key: site.repositoryKey }], name)];
  if (registry !== undefined) changes.unshift(change(target, at(target, 'registry'), host));
  return changes;
}

/** @param beside a digest is written into a key of its own: then a tag that is not known is emptied, the old one would lie */
function tagText(
  source: YamlSource,
  target: ImageTarget,
  tag: ScalarSite,
  policy: ImagePolicy,
  beside: boolean,
): string {
  const { want } = target;
  const combined = policy.form === 'tag@digest' || (tag.text.includes('@sha256:') && policy.form === 'auto');
  if (want.tag === undefined && (combined || !beside))
    throw tagRequired(source, target, 'it names its image by a tag', tag);
  if (!combined) return want.tag ?? '';
  if (want.digest === undefined)
    throw imageFailure(
      'E_DIGEST_REQUIRED',
      source,
      target,
      'the tag holds a digest, and none was given',
      'Give digest, or set image-form: tag',
      tag,
    );
  return `${want.tag}@${want.digest}`;
}

// An empty tag is what charts replace by a version of their own, or by `latest`.
function tagRequired(source: YamlSource, target: ImageTarget, why: string, site?: ScalarSite): Error {
  const fix = 'Give tag, or let the map have a digest key (empty is fine)';
  return imageFailure('E_TAG_REQUIRED', source, target, `${why}, and none was given`, fix, site);
}

function referenceText(
  source: YamlSource,
  target: ImageTarget,
  site: ScalarSite,
  policy: ImagePolicy,
  withDigest: boolean,
): string {
  const { want } = target;
  if (want.tag === undefined && !withDigest)
    throw tagRequired(source, target, 'it would name its image by a tag', site);
  const name = textOf(site)
    .replace(/@.*$/, '')
    .replace(/:[^/:]+$/, '');
  if (name !== '' && !sameImage(name, want.image) && policy.otherImage === 'fail') {
    throw imageFailure(
      'E_OTHER_IMAGE',
      source,
      target,
      `it names "${oneLine(name, 120)}", not "${oneLine(want.image, 120)}"`,
      'Correct the path, or set other-image: write',
      site,
    );
  }
  const image = policy.otherImage === 'keep' && name !== '' ? name : want.image;
  return refText({ image, tag: want.tag, digest: withDigest ? want.digest : undefined });
}

function at(target: ImageTarget, key: ImageKey): ValuePath {
  return [...target.path, { key: target.keys[key] ?? key }];
}

function change(target: ImageTarget, path: ValuePath, value: string): Change {
  return { document: target.document, path, value, type: 'string', mayChangeType: true };
}
