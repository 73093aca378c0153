/** The action: inputs and ports in, outcome out. */
import type { Log } from '../runner/index.ts';
import { withChart } from './chart.ts';
import { type HandoffFacts, handoffMessage } from './handoff-message.ts';
import type { BumpInputs } from './inputs.ts';
import type { Outcome, Ports, Wish } from './progress.ts';
import { promote } from './promote.ts';
import { planRollback } from './rollback.ts';
import { settle } from './settle.ts';

/** @param validate a last look at the proven bytes */
export async function run(
  inputs: BumpInputs,
  bumpId: string,
  ports: Ports,
  validate?: NonNullable<Wish['validate']>,
): Promise<Outcome> {
  const back = inputs.rollback === '' ? undefined : await planBack(inputs, ports);
  const targets = back?.targets ?? inputs.targets;
  describePlan(inputs, targets, ports.log);
  const facts: HandoffFacts = {
    bumpId,
    template: inputs.message,
    want: inputs.want,
    sourceRepository: inputs.source.label,
    sourceRevision: inputs.sourceRevision,
    sourceRef: inputs.sourceRef,
    actor: inputs.actor,
    runUrl: inputs.runUrl,
    reason: inputs.reason,
    reverts: back?.commit ?? '',
    trailers: inputs.trailers,
  };
  const derive = deriveFor(inputs);
  return settle(ports, {
    targets,
    ...(derive === undefined ? {} : { derive }),
    ...(validate === undefined ? {} : { validate }),
    ...(inputs.propose === undefined ? {} : { propose: inputs.propose }),
    images: inputs.images,
    guard: {
      // The way back is older by its nature. Its guard is the value that the handoff left.
      mode: back === undefined ? inputs.orderGuard : 'off',
      allowDowngrade: inputs.allowDowngrade,
      sourceRepository: inputs.source.label,
      sourceRevision: inputs.sourceRevision,
    },
    bumpId,
    dryRun: inputs.dryRun,
    message: (states, downgrade) => handoffMessage(facts, states, downgrade),
  });
}

function planBack(inputs: BumpInputs, ports: Ports): ReturnType<typeof planRollback> {
  const named = inputs.targets.filter((t) => t.kind === 'image');
  const riding = inputs.targets.filter((t) => t.kind === 'scalar');
  const wish = { to: inputs.rollback, targets: named.length > 0 ? named : riding, riding };
  return planRollback(wish, ports.repository, ports.deadline.signal);
}

function deriveFor({ fromFile, chart, sourceRevision }: BumpInputs): Wish['derive'] {
  if (fromFile === '' && chart === undefined) return undefined;
  return {
    paths: [fromFile, chart?.file ?? ''].filter((path) => path !== ''),
    async targets(targets, snapshot) {
      const promoted = fromFile === '' ? targets : await promote(targets, fromFile, snapshot);
      return chart === undefined ? promoted : withChart(promoted, chart, sourceRevision, snapshot);
    },
  };
}

function describePlan(inputs: BumpInputs, targets: Wish['targets'], log: Log): void {
  const count = `${targets.length} target${targets.length === 1 ? '' : 's'}`;
  log.info(`${count} in ${inputs.config.repository}@${inputs.branch} by ${inputs.transport}`);
  for (const { id } of targets) log.info(`  ${id}`);
}
