/** The links `source` and `run`: the commit that was handed off, and the workflow run that did it. */
import { ActionError } from '../runner/index.ts';
import { isBranch } from './args.ts';
import type { Forge, RepositoryFacts } from './forge.ts';
import type { Handoff } from './handoff.ts';
import { addressOf } from './image-link.ts';
import { type Evidence, type Link, linkOf } from './links.ts';

/** Of the image, as its labels say. */
export interface BuiltFrom {
  revision: string;
  source: string;
  /** '' when the image has no such label. */
  key: string;
}

export interface SourcePorts {
  forge: Forge;
  /** `owner/name` that the forge was opened for. */
  repository: string;
  facts: RepositoryFacts;
  /** Digest of a tag of the image. */
  digestOfTag(tag: string): Promise<string | undefined>;
}

export async function sourceLink(
  handoff: Handoff,
  built: BuiltFrom,
  digest: string,
  { forge, repository, facts, digestOfTag }: SourcePorts,
): Promise<Link> {
  const { ok, missing, mismatch, unverified } = linkOf('source');
  const { sourceRevision: revision } = handoff;
  const named = /^refs\/heads\/(.+)$/.exec(handoff.sourceRef)?.[1] ?? '';
  const branch = isBranch(named) ? named : facts.defaultBranch;
  const evidence: Evidence = [
    ['repository', repository],
    ['revision', revision],
    ['branch', branch],
    ...(built.revision === revision ? [] : [['built at', built.revision] as const]),
  ];
  const isOther = (text: string): boolean => {
    const { host, repository: name } = addressOf(text);
    const own = hostOf(facts.page);
    return name !== repository.toLowerCase() || (host !== '' && own !== '' && host !== own);
  };
  if (isOther(handoff.sourceRepository))
    return mismatch('the handoff names another repository', [
      ...evidence,
      ['Source-Repository', handoff.sourceRepository],
    ]);
  if (built.source !== '' && isOther(built.source))
    return mismatch('the label source of the image names another repository', [...evidence, ['label', built.source]]);
  if (revision === '') return missing('the handoff has no trailer Source-Revision', evidence);
  const relation = await forge.compare(revision, branch);
  if (relation === 'base-unknown') return missing('the source repository has no such commit', evidence);
  if (relation === 'head-unknown') return missing('the delivered branch is gone', evidence);
  if (relation !== 'ahead' && relation !== 'identical')
    return mismatch('the commit is no part of the delivered branch', evidence);
  if (built.revision === revision) return ok(evidence);

  // An image that was used again: its build is older, and its source has to be the same.
  const older = await forge.compare(built.revision, revision);
  if (older === 'base-unknown') return missing('the commit that the image was built at is gone', evidence);
  if (older !== 'ahead') return mismatch('the image was built at a commit that is no ancestor', evidence);
  if (!/^[0-9a-f]{64}$/.test(built.key))
    return mismatch('the image was built at another commit, and has no source key to excuse it', evidence);
  const withKey: Evidence = [...evidence, ['source key', built.key]];
  const there = await digestOfTag(`src-${built.key}`);
  if (there === undefined)
    return unverified('the image was built at an older commit, and the tag of its source key is gone', withKey);
  if (there !== digest)
    return mismatch('the image was built at an older commit, and its source key leads to another image', withKey);
  const tag = /:([\w][\w.-]{0,127})@/.exec(handoff.imageRef)?.[1];
  const handed = tag === undefined ? undefined : await digestOfTag(tag);
  // The build of the newer commit gives its tag to an older image only when the keys of both are equal.
  if (handed !== undefined && handed !== digest)
    return mismatch('the image was built at an older commit, and the tag of the newer one leads to another image', [
      ...withKey,
      ['tag', tag ?? ''],
    ]);
  return ok([...withKey, ['reused', 'the source keys are equal']]);
}

function hostOf(page: string): string {
  return URL.canParse(page) ? new URL(page).host.toLowerCase() : '';
}

const RUN =
  /^(https?:\/\/[^/?#\s]+)\/(?:[^/?#\s]+\/)*?([^/?#\s]+\/[^/?#\s]+)\/actions\/runs\/(\d{1,20})(?:\/attempts\/\d{1,9})?$/;

export async function runLink(handoff: Handoff, { forge, repository, facts }: SourcePorts): Promise<Link> {
  const { ok, missing, mismatch } = linkOf('run');
  const evidence: Evidence = [['Workflow-Run', handoff.workflowRun]];
  if (handoff.workflowRun === '') return missing('the handoff has no trailer Workflow-Run');
  const [, origin = '', owner = '', id = ''] = RUN.exec(handoff.workflowRun) ?? [];
  if (id === '') return mismatch('the trailer Workflow-Run is no address of a run', evidence);
  if (owner.toLowerCase() !== repository.toLowerCase())
    return mismatch(`the run is one of another repository than ${repository}`, evidence);
  if (URL.canParse(facts.page) && new URL(facts.page).origin !== origin)
    return mismatch('the run is one of another forge', [...evidence, ['forge', new URL(facts.page).origin]]);
  const run = await forge.run(id);
  if (run === undefined) return missing('the forge knows no such run', evidence);
  const seen: Evidence = [...evidence, ['conclusion', run.conclusion || run.status], ['head', run.headSha]];
  if (run.headSha !== handoff.sourceRevision) return mismatch('it ran for another commit', seen);
  if (run.conclusion === '') return missing('it has not concluded', seen);
  if (run.conclusion !== 'success') return mismatch('it did not end in success', seen);
  return ok(seen);
}

/** For a link that could not be looked at: nothing is proved then. */
export function reasonOf(error: unknown): string {
  if (error instanceof ActionError) return `it could not be read: ${error.facts.what}: ${error.facts.why}`;
  throw error;
}
