/** What to write into an image map, or a full reference, for a wanted image. Pure. */
import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { type Change, find, formatPath, type ScalarSite, type ValuePath, type YamlSource } from '../yaml/index.ts';
import type { ImageKey, Target } from './plan.ts';

type ImageForm = 'auto' | 'tag' | 'tag@digest';
type OtherImage = 'fail' | 'write' | 'keep';

export interface ImagePolicy {
  form: ImageForm;
  otherImage: OtherImage;
  /** Full source commit, for a `revision` key. */
  revision: string;
}

type ImageTarget = Extract<Target, { kind: 'image' }>;

/** What an image map, or reference, says now. */
export interface ImageSite {
  reference: ScalarSite | undefined;
  keys: Readonly<Record<ImageKey, ScalarSite | undefined>>;
}

/** @throws ActionError E_PATH_MISSING, E_PATH_NOT_SCALAR, and what find refuses */
export function readImage(source: YamlSource, target: ImageTarget): ImageSite {
  const site = find(source, target.document, target.path);
  const none = { registry: undefined, repository: undefined, tag: undefined, digest: undefined, revision: undefined };
  if (site.kind === 'missing')
    throw failure('E_PATH_MISSING', source, target, site.why, 'Correct the path, or add the image map to the file');
  if (site.kind === 'scalar') return { reference: site, keys: none };
  const read = (key: ImageKey): ScalarSite | undefined => {
    const name = target.keys[key];
    if (name === null || !site.keys.includes(name)) return undefined;
    const found = find(source, target.document, [...target.path, { key: name }]);
    if (found.kind !== 'scalar')
      throw failure('E_PATH_NOT_SCALAR', source, target, `${name} is no scalar`, 'Name the image map itself');
    return found;
  };
  // Charts that say `name` instead of `repository` mean the same.
  const renamed =
    target.keys.repository === 'repository' && !site.keys.includes('repository') && site.keys.includes('name');
  const repository = renamed
    ? (find(source, target.document, [...target.path, { key: 'name' }]) as ScalarSite)
    : read('repository');
  return {
    reference: undefined,
    keys: {
      registry: read('registry'),
      repository,
      tag: read('tag'),
      digest: read('digest'),
      revision: read('revision'),
    },
  };
}

/** The scalars to write, in order. Equal ones are among them: the editor skips those. */
export function planImage(source: YamlSource, target: ImageTarget, policy: ImagePolicy): Change[] {
  const site = readImage(source, target);
  const { want } = target;
  const withDigest = want.digest !== undefined && policy.form !== 'tag';
  if (site.reference !== undefined)
    return [change(target, target.path, referenceText(source, target, site.reference, policy, withDigest))];
  const { tag, digest, revision } = site.keys;
  if (tag === undefined && digest === undefined) {
    throw failure(
      'E_PATH_MISSING',
      source,
      target,
      'the map has neither a tag nor a digest key',
      'Add the keys (empty is fine), or name them with keys:',
    );
  }
  const changes = repositoryChanges(source, target, site, policy);
  const at = (key: ImageKey): ValuePath => [...target.path, { key: target.keys[key] ?? key }];
  if (tag !== undefined) changes.push(change(target, at('tag'), tagText(source, target, tag, policy)));
  if (digest !== undefined) {
    if (withDigest) changes.push(change(target, at('digest'), want.digest ?? ''));
    else if (digest.text !== '') {
      throw failure(
        'E_DIGEST_IGNORED',
        source,
        target,
        'the map holds a digest and none would be written: the chart would go on using the old one',
        'Give digest, or empty the key first',
        digest,
      );
    }
  }
  const commit = want.revision ?? policy.revision;
  if (revision !== undefined && commit !== '') changes.push(change(target, at('revision'), commit));
  return changes;
}

/** The reference that stands there, for trailers and the order guard: `repository:tag@digest`, parts that are empty left out. */
export function currentRef(site: ImageSite): { tag: string; digest: string; revision: string } {
  if (site.reference !== undefined) {
    const match = /^[^@]*?(?::([^/:@]+))?(?:@(.+))?$/.exec(site.reference.text);
    return { tag: match?.[1] ?? '', digest: match?.[2] ?? '', revision: '' };
  }
  const [tag = '', inTag = ''] = (site.keys.tag?.text ?? '').split('@');
  return { tag, digest: site.keys.digest?.text || inTag, revision: site.keys.revision?.text ?? '' };
}

function repositoryChanges(source: YamlSource, target: ImageTarget, site: ImageSite, policy: ImagePolicy): Change[] {
  const { registry, repository } = site.keys;
  if (repository === undefined) return [];
  const slash = target.want.image.indexOf('/');
  const [host, name] =
    registry === undefined
      ? ['', target.want.image]
      : [target.want.image.slice(0, slash), target.want.image.slice(slash + 1)];
  const now = registry === undefined || registry.text === '' ? repository.text : `${registry.text}/${repository.text}`;
  if (repository.text !== '' && normalise(now) === normalise(target.want.image)) return [];
  if (repository.text !== '') {
    if (policy.otherImage === 'keep') return [];
    if (policy.otherImage === 'fail') {
      throw failure(
        'E_OTHER_IMAGE',
        source,
        target,
        `it names "${oneLine(now, 120)}", not "${oneLine(target.want.image, 120)}"`,
        'The usual cause is a path that points at a sidecar; else set other-image: write',
        repository,
      );
    }
  }
  const key =
    target.keys.repository !== null &&
    find(source, target.document, [...target.path, { key: target.keys.repository }]).kind === 'scalar'
      ? target.keys.repository
      : 'name';
  const changes = [change(target, [...target.path, { key }], name)];
  if (registry !== undefined)
    changes.unshift(change(target, [...target.path, { key: target.keys.registry ?? 'registry' }], host));
  return changes;
}

function tagText(source: YamlSource, target: ImageTarget, tag: ScalarSite, policy: ImagePolicy): string {
  const { want } = target;
  const combined = policy.form === 'tag@digest' || (tag.text.includes('@sha256:') && policy.form === 'auto');
  if (!combined) return want.tag ?? '';
  if (want.digest === undefined)
    throw failure(
      'E_DIGEST_REQUIRED',
      source,
      target,
      'the tag holds a digest, and none was given',
      'Give digest, or set image-form: tag',
      tag,
    );
  return `${want.tag ?? ''}@${want.digest}`;
}

function referenceText(
  source: YamlSource,
  target: ImageTarget,
  site: ScalarSite,
  policy: ImagePolicy,
  withDigest: boolean,
): string {
  const { want } = target;
  const name = site.text.replace(/@.*$/, '').replace(/:[^/:]+$/, '');
  if (name !== '' && normalise(name) !== normalise(want.image) && policy.otherImage === 'fail') {
    throw failure(
      'E_OTHER_IMAGE',
      source,
      target,
      `it names "${oneLine(name, 120)}", not "${oneLine(want.image, 120)}"`,
      'Correct the path, or set other-image: write',
      site,
    );
  }
  const image = policy.otherImage === 'keep' && name !== '' ? name : want.image;
  return `${image}${want.tag === undefined ? '' : `:${want.tag}`}${withDigest ? `@${want.digest}` : ''}`;
}

// Docker Hub's short names: `nginx` is docker.io/library/nginx.
function normalise(image: string): string {
  const parts = image.split('/');
  const hasHost = parts.length > 1 && /[.:]|^localhost$/.test(parts[0] ?? '');
  const [host, rest] = hasHost ? [parts[0] ?? '', parts.slice(1)] : ['docker.io', parts];
  return `${host === 'index.docker.io' ? 'docker.io' : host}/${host === 'docker.io' && rest.length === 1 ? 'library/' : ''}${rest.join('/')}`;
}

function change(target: Target, path: ValuePath, value: string): Change {
  return { document: target.document, path, value, type: 'string', mayChangeType: true };
}

function failure(
  code: `E_${string}`,
  source: YamlSource,
  target: Target,
  why: string,
  fix: string,
  site?: ScalarSite,
): ActionError {
  const at = site === undefined ? { file: source.file } : { file: source.file, line: site.line, column: site.column };
  return new ActionError(code, {
    what: `image ${oneLine(formatPath(target.path), 200)} in ${oneLine(source.file, 200)}`,
    why,
    fix,
    at,
  });
}
