/** The message of a handoff commit: headline, body and the trailer blocks that record who set what. Pure. */
import type { CommitMessage } from './config-repository.ts';
import { builtBy } from './guard.ts';
import { renderMessage, type Variables } from './message.ts';
import { type TargetState, trailerOf } from './state.ts';
import type { ImageWant, Source, Target } from './target.ts';
import { renderBlock } from './trailers.ts';

export interface HandoffFacts {
  bumpId: string;
  /** Template of the user, '' for the default. */
  template: string;
  /** Image of the inputs. */
  want: ImageWant | undefined;
  /** With its host: `github.com/org/app`. */
  sourceRepository: string;
  sourceRevision: string;
  sourceRef: string;
  actor: string;
  runUrl: string;
  reason: string;
  /** Full id of the handoff that is taken back, '' when none is. */
  reverts: string;
  trailers: readonly string[];
}

/** One block for each build that something comes from: a promotion and a rollback bring in builds of others. */
export function handoffMessage(facts: HandoffFacts, states: readonly TargetState[], downgrade: boolean): CommitMessage {
  const groups = groupByBuild(states, facts);
  const blocks = groups.map(({ source, targets }, i) =>
    renderBlock({
      bumpId: facts.bumpId,
      targets: targets.map((target) => ({ id: target.id, ...trailerOf(target) })),
      sourceRepository: source.repository,
      sourceRevision: source.revision,
      sourceRef: source.revision === facts.sourceRevision ? facts.sourceRef : '',
      workflowRun: facts.runUrl,
      downgradeReason: downgrade || facts.reverts !== '' ? facts.reason : '',
      reverts: facts.reverts,
      // The user's trailers stand once, at the end.
      user: i === groups.length - 1 ? facts.trailers : [],
    }),
  );
  const want = states.map((s) => s.target).find((t) => t.kind === 'image')?.want ?? facts.want;
  const template = facts.template || defaultTemplate(facts, want);
  const files = [...new Set(states.map((s) => s.target.file))];
  return renderMessage(template, variablesOf(facts, want, files), blocks.join('\n'));
}

function defaultTemplate(facts: HandoffFacts, want: ImageWant | undefined): string {
  if (facts.reverts !== '') return `roll back ${facts.reverts.slice(0, 12)}`;
  return want === undefined ? 'set values in {files}' : 'bump {image-name} to {version}';
}

function groupByBuild(states: readonly TargetState[], facts: HandoffFacts): { source: Source; targets: Target[] }[] {
  const groups: { source: Source; targets: Target[] }[] = [];
  // Nobody built anything in a rollback: what rides along, and what no record tells of, belongs to the build that comes back.
  const known = facts.reverts === '' ? undefined : states.map((s) => s.target).find(comesBack);
  for (const { target } of states) {
    const source = builtBy(known === undefined || comesBack(target) ? target : known, facts);
    const same = groups.find((g) => g.source.revision === source.revision && g.source.repository === source.repository);
    if (same === undefined) groups.push({ source, targets: [target] });
    else same.targets.push(target);
  }
  return groups;
}

function comesBack(target: Target): boolean {
  return target.kind === 'restore' && target.source.revision !== '';
}

function variablesOf(facts: HandoffFacts, image: ImageWant | undefined, files: readonly string[]): Variables {
  const digest = image?.digest ?? '';
  const short = digest.slice('sha256:'.length, 'sha256:'.length + 12);
  const revision = image?.revision ?? facts.sourceRevision;
  return {
    image: image?.image ?? '',
    'image-name': image?.image.split('/').at(-1) ?? '',
    tag: image?.tag ?? '',
    digest,
    'short-digest': short,
    version: image?.tag ?? short,
    revision,
    'short-revision': revision.slice(0, 7),
    'source-repository': facts.sourceRepository.split('/').slice(-2).join('/'),
    'ref-name': facts.sourceRef.replace(/^refs\/(heads|tags)\//, ''),
    files: files.join(', '),
    actor: facts.actor,
    'run-url': facts.runUrl,
    reason: facts.reason,
  };
}
