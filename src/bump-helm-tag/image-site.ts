/** What an image map, or a full reference, says now. Pure. */
import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { find, formatPath, type ScalarSite, type YamlSource } from '../yaml/index.ts';
import { type ImageKey, type ImageTarget, splitRef, type Target } from './target.ts';

export interface ImageSite {
  kind: 'reference' | 'map' | 'missing';
  reference: ScalarSite | undefined;
  keys: Readonly<Record<ImageKey, ScalarSite | undefined>>;
  /** Name of the key that holds the repository; undefined when none does. */
  repositoryKey: string | undefined;
}

type ImagePlace = Pick<ImageTarget, 'document' | 'path' | 'keys'>;

const NO_KEYS = { registry: undefined, repository: undefined, tag: undefined, digest: undefined, revision: undefined };

/** @throws ActionError E_PATH_NOT_SCALAR, and what find refuses */
export function readImage(source: YamlSource, place: ImagePlace): ImageSite {
  const site = find(source, place.document, place.path);
  if (site.kind === 'missing')
    return { kind: 'missing', reference: undefined, keys: NO_KEYS, repositoryKey: undefined };
  if (site.kind === 'scalar') return { kind: 'reference', reference: site, keys: NO_KEYS, repositoryKey: undefined };
  const read = (name: string | null | undefined): ScalarSite | undefined => {
    if (name === null || name === undefined || !site.keys.includes(name)) return undefined;
    const found = find(source, place.document, [...place.path, { key: name }]);
    if (found.kind !== 'scalar')
      throw imageFailure('E_PATH_NOT_SCALAR', source, place, `${name} is no scalar`, 'Name the image map itself');
    return found;
  };
  // Charts that say `name` instead of `repository` mean the same; in a kustomization it is what newName would replace.
  const repositoryKey = [place.keys.repository, place.keys.repository === null ? null : 'name'].find(
    (name) => name !== null && site.keys.includes(name),
  );
  return {
    kind: 'map',
    reference: undefined,
    keys: {
      registry: read(place.keys.registry),
      repository: read(repositoryKey),
      tag: read(place.keys.tag),
      digest: read(place.keys.digest),
      revision: read(place.keys.revision),
    },
    repositoryKey: repositoryKey ?? undefined,
  };
}

/** The parts that stand there, for trailers and the order guard; '' for what is empty or not there. */
export function currentRef(site: ImageSite): { image: string; tag: string; digest: string; revision: string } {
  if (site.reference !== undefined) return { ...splitRef(site.reference.text), revision: '' };
  const { registry, repository, tag, digest, revision } = site.keys;
  const [plain = '', inTag = ''] = textOf(tag).split('@');
  return {
    image: [textOf(registry), textOf(repository)].filter((part) => part !== '').join('/'),
    tag: plain,
    digest: textOf(digest) || inTag,
    revision: textOf(revision),
  };
}

/** True when the logged reference means what stands there: a chart without a digest key says the tag alone. */
export function sameRef(now: { tag: string; digest: string }, logged: string): boolean {
  const { tag, digest } = splitRef(logged);
  return (now.tag === '' || now.tag === tag) && (now.digest === '' || now.digest === digest);
}

/** True when two spellings name one repository. */
export function sameImage(a: string, b: string): boolean {
  return normalise(a) === normalise(b);
}

export function imageFailure(
  code: `E_${string}`,
  source: YamlSource,
  place: Pick<Target, 'path'>,
  why: string,
  fix: string,
  site?: ScalarSite,
): ActionError {
  const at = site === undefined ? { file: source.file } : { file: source.file, line: site.line, column: site.column };
  return new ActionError(code, {
    what: `image ${oneLine(formatPath(place.path), 200)} in ${oneLine(source.file, 200)}`,
    why,
    fix,
    at,
  });
}

// `tag: null` and `tag: ~` mean to a chart what an empty key means.
export function textOf(site: ScalarSite | undefined): string {
  return site === undefined || site.value === null ? '' : site.text;
}

// Docker Hub's short names: `nginx` is docker.io/library/nginx.
function normalise(image: string): string {
  const parts = image.split('/');
  const hasHost = parts.length > 1 && /[.:]|^localhost$/.test(parts[0] ?? '');
  const [host, rest] = hasHost ? [parts[0] ?? '', parts.slice(1)] : ['docker.io', parts];
  return `${host === 'index.docker.io' ? 'docker.io' : host}/${host === 'docker.io' && rest.length === 1 ? 'library/' : ''}${rest.join('/')}`;
}
