/** `uses:` to a place: the grammar of references, the suite's own repositories, and the stand-ins for pinned third parties. */
import type { Repositories, Repository } from './repositories.ts';

export type Reference =
  /** `$/path`: the repository and commit of the file it stands in. */
  | { kind: 'self'; path: string }
  /** `./path`: for an action the workspace, for a workflow the same repository and commit. */
  | { kind: 'local'; path: string }
  /** `owner/name/path@ref`. */
  | { kind: 'remote'; repo: string; path: string; ref: string };

/** Throws with the reason when the text is no reference that this runner takes. */
export function parseReference(uses: string): Reference {
  if (uses.startsWith('$/')) {
    const path = cleanPath(uses, uses.slice(2));
    // GitHub's parser lets it pass; at run time there is no such thing as another version of oneself.
    if (path.includes('@')) throw new Error(`"${uses}": a $/ reference takes no @ref: it is the commit that runs`);
    return { kind: 'self', path };
  }
  if (uses.startsWith('./')) return { kind: 'local', path: cleanPath(uses, uses.slice(2)) };
  if (uses.startsWith('docker://')) throw new Error(`"${uses}": docker actions are refused by this runner`);
  const match = /^([^/@\s]+\/[^/@\s]+)(?:\/([^@\s]+))?@([^\s]+)$/.exec(uses);
  if (match === null) throw new Error(`"${uses}": expected $/path, ./path or owner/name[/path]@ref`);
  return { kind: 'remote', repo: match[1] ?? '', path: cleanPath(uses, match[2] ?? ''), ref: match[3] ?? '' };
}

function cleanPath(uses: string, path: string): string {
  if (path.split('/').includes('..')) throw new Error(`"${uses}": a reference may not leave its repository`);
  return path.replace(/\/+$/, '');
}

/** One pinned third-party action of `workflows/pins.json`. */
export interface Pin {
  version: string;
  commit: string;
}

export interface Standins {
  /** By `owner/name[/path]`, as `uses:` writes it. */
  pins: Readonly<Record<string, Pin>>;
  /** Folder of the stand-in of a pinned action; undefined when there is none. */
  folder(action: string): string | undefined;
}

/** Where the files of an action are. */
export interface ActionPlace {
  /** As written, for the log. */
  uses: string;
  /** Folder on this machine that holds action.yml. */
  folder: string;
  /** What `$/` means inside it; absent for a stand-in and for an action of the workspace. */
  repository?: Repository;
  /** GITHUB_ACTION_REPOSITORY and GITHUB_ACTION_REF. */
  origin: { repository: string; ref: string };
}

/** Finds actions for the steps of one file. */
export interface ActionResolver {
  /** @param from repository of the file that says `uses:`; absent inside a stand-in */
  resolve(uses: string, from: Repository | undefined, workspace: string): Promise<ActionPlace>;
}

export function actionResolver(o: { repositories: Repositories; standins: Standins }): ActionResolver {
  return {
    async resolve(uses, from, workspace) {
      const reference = parseReference(uses);
      if (reference.kind === 'local') {
        return { uses, folder: `${workspace}/${reference.path}`, origin: { repository: '', ref: '' } };
      }
      if (reference.kind === 'self') {
        if (from === undefined) throw new Error(`"${uses}": there is no repository that $/ could mean here`);
        return inRepository(uses, from, reference.path);
      }
      const open = o.repositories[reference.repo];
      if (open !== undefined) {
        const repository = await open(reference.ref);
        if (repository === undefined) throw new Error(`"${uses}": ${reference.repo} has no ref ${reference.ref}`);
        return inRepository(uses, repository, reference.path);
      }
      return pinned(uses, reference, o.standins);
    },
  };
}

function inRepository(uses: string, repository: Repository, path: string): ActionPlace {
  if (repository.folder === undefined) {
    throw new Error(`"${uses}": the files of ${repository.name} are not on this machine: give it as a checkout`);
  }
  return {
    uses,
    folder: repository.folder(path),
    repository,
    origin: { repository: repository.name, ref: repository.ref },
  };
}

function pinned(uses: string, reference: Reference & { kind: 'remote' }, standins: Standins): ActionPlace {
  const name = reference.path === '' ? reference.repo : `${reference.repo}/${reference.path}`;
  const pin = standins.pins[name];
  if (pin === undefined)
    throw new Error(`"${uses}": not in workflows/pins.json, and no repository ${reference.repo} was given`);
  if (pin.commit !== reference.ref) {
    throw new Error(`"${uses}": workflows/pins.json has ${pin.commit} (${pin.version}) for ${name}`);
  }
  const folder = standins.folder(name);
  if (folder === undefined) throw new Error(`"${uses}": pinned, but there is no stand-in for it`);
  return { uses, folder, origin: { repository: reference.repo, ref: reference.ref } };
}
