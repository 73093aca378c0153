import type { Log, OutputValue } from '../runner/index.ts';
import { markdown } from '../text/index.ts';
import type { PlanInputs } from './inputs.ts';
import { readCurrent } from './layout.ts';
import { planRevert } from './revert.ts';
import { leftover, planStages } from './stages.ts';
import type { CurrentValues, Stage } from './types.ts';

export interface PlanPorts {
  /** The values file at the head of the config branch. */
  read(inputs: PlanInputs): Promise<string>;
  log: Log;
}

/** Reads the values as they are and plans the stages of the delivery and its way back. Writes nothing. */
export async function run(
  inputs: PlanInputs,
  ports: PlanPorts,
): Promise<{ outputs: Record<string, OutputValue>; summary: string }> {
  const text = await ports.log.group('read', () => ports.read(inputs));
  const now = readCurrent(text, inputs.file, inputs.layout, inputs.strategy);
  const stages = planStages(inputs, now);
  const back = planRevert(inputs, now);
  const left = leftover(inputs, now);
  if (left !== undefined) {
    ports.log.warning(
      'W_LEFTOVER_CANARY',
      `a canary ${left.digest} at ${left.weight} % was left in flight; this delivery replaces it`,
    );
  }
  for (const stage of stages) ports.log.info(`${stage.index + 1}. ${stage.name}${stage.verify ? ', verified' : ''}`);
  ports.log.notice(
    stages.length === 0
      ? `${inputs.digest} is the stable version already: nothing to do`
      : `${stages.length} stages: ${stages.map((s) => s.name).join(', ')}`,
  );
  return {
    outputs: {
      stages: JSON.stringify(stages),
      count: stages.length,
      revert: JSON.stringify(back.revert),
      'revert-finished': JSON.stringify(back.revertFinished),
      current: JSON.stringify(now),
      leftover: left?.digest ?? '',
    },
    summary: summarise(inputs, now, stages),
  };
}

function summarise(inputs: PlanInputs, now: CurrentValues, stages: readonly Stage[]): string {
  const { code, table, text } = markdown;
  const head = `### Plan: ${text(inputs.repository)}, ${code(inputs.file)}\n\n`;
  const stable = now.stable.digest || now.stable.tag || 'none';
  if (stages.length === 0) return `${head}${code(inputs.digest)} is the stable version already. Nothing to do.\n`;
  const rows = stages.map((s) => [String(s.index + 1), text(s.name), s.verify ? 'verified' : 'handoff only']);
  return `${head}Stable now: ${code(stable)}. New: ${code(`${inputs.tag}@${inputs.digest}`)}.\n\n${table(['#', 'stage', 'check'], rows)}`;
}
