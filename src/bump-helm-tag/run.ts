/** The action: inputs and ports in, outcome out. */
import type { Log } from '../runner/index.ts';
import type { CommitMessage } from './config-repository.ts';
import type { BumpInputs } from './inputs.ts';
import { renderMessage, type Variables } from './message.ts';
import type { Outcome, Ports } from './progress.ts';
import type { TargetState } from './round.ts';
import { settle } from './settle.ts';
import { renderBlock } from './trailers.ts';

export async function run(inputs: BumpInputs, bumpId: string, ports: Ports): Promise<Outcome> {
  describePlan(inputs, ports.log);
  return settle(ports, {
    targets: inputs.targets,
    images: inputs.images,
    guard: {
      mode: inputs.orderGuard,
      allowDowngrade: inputs.allowDowngrade,
      sourceRepository: inputs.sourceRepository,
      sourceRevision: inputs.sourceRevision,
    },
    bumpId,
    dryRun: inputs.dryRun,
    message: (states, downgrade) => messageFor(inputs, bumpId, states, downgrade),
  });
}

function describePlan(inputs: BumpInputs, log: Log): void {
  log.info(
    `${inputs.targets.length} target${inputs.targets.length === 1 ? '' : 's'} in ${inputs.repository}@${inputs.branch} by ${inputs.transport}`,
  );
  for (const { id } of inputs.targets) log.info(`  ${id}`);
}

function messageFor(
  inputs: BumpInputs,
  bumpId: string,
  states: readonly TargetState[],
  downgrade: boolean,
): CommitMessage {
  const image = states.map((s) => s.target).find((t) => t.kind === 'image')?.want ?? inputs.want;
  const trailers = renderBlock({
    bumpId,
    targets: states.map(({ target }) => ({
      id: target.id,
      kind: target.kind,
      value: target.kind === 'scalar' ? target.value : refText(target.want),
    })),
    sourceRepository: `${new URL(inputs.serverUrl).host}/${inputs.sourceRepository}`,
    sourceRevision: inputs.sourceRevision,
    sourceRef: inputs.sourceRef,
    workflowRun: inputs.runUrl,
    downgradeReason: downgrade ? inputs.reason : '',
    user: inputs.trailers,
  });
  const template = inputs.message || (image === undefined ? 'set values in {files}' : 'bump {image-name} to {version}');
  return renderMessage(template, variablesOf(inputs, image), trailers);
}

function variablesOf(inputs: BumpInputs, image: BumpInputs['want']): Variables {
  const digest = image?.digest ?? '';
  const short = digest.slice('sha256:'.length, 'sha256:'.length + 12);
  return {
    image: image?.image ?? '',
    'image-name': image?.image.split('/').at(-1) ?? '',
    tag: image?.tag ?? '',
    digest,
    'short-digest': short,
    version: image?.tag ?? short,
    revision: inputs.sourceRevision,
    'short-revision': inputs.sourceRevision.slice(0, 7),
    'source-repository': inputs.sourceRepository,
    'ref-name': inputs.sourceRef.replace(/^refs\/(heads|tags)\//, ''),
    files: [...new Set(inputs.targets.map((t) => t.file))].join(', '),
    actor: inputs.actor,
    'run-url': inputs.runUrl,
  };
}

function refText(want: { image: string; tag: string | undefined; digest: string | undefined }): string {
  return `${want.image}${want.tag === undefined ? '' : `:${want.tag}`}${want.digest === undefined ? '' : `@${want.digest}`}`;
}
