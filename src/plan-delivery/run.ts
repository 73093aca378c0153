import type { Log, OutputValue } from '../runner/index.ts';
import { markdown } from '../text/index.ts';
import type { ArgoWish, PlanInputs } from './inputs.ts';
import { readCurrent } from './layout.ts';
import { type LiveState, planPromotion } from './promote.ts';
import { planRevert } from './revert.ts';
import { isFlip, planRollback, readBefore } from './rollback.ts';
import { leftover, planStages } from './stages.ts';
import type { CurrentValues, Stage } from './types.ts';
import { judgeRollback } from './verify.ts';

export interface PlanPorts {
  /** The values file at the head of the config branch. */
  read(inputs: PlanInputs): Promise<string>;
  /** Messages of the commits that changed the values file, newest first. */
  history(inputs: PlanInputs): Promise<readonly string[]>;
  /** What Argo CD says of an Application. */
  live(wish: ArgoWish): Promise<LiveState>;
  log: Log;
}

export interface PlanResult {
  outputs: Record<string, OutputValue>;
  summary: string;
}

/** Reads the values as they are and plans the stages of the delivery and its way back. Writes nothing. */
export async function run(inputs: PlanInputs, ports: PlanPorts): Promise<PlanResult> {
  const text = await ports.log.group('read', () => ports.read(inputs));
  const now = readCurrent(text, inputs.file, inputs.layout, inputs.strategy, inputs.router);
  if (inputs.mode === 'promote') return promote(inputs, now, ports);
  if (inputs.mode === 'rollback') return rollback(inputs, now, ports);
  if (inputs.mode === 'rolled-back') return rolledBack(inputs, now, ports);
  return deliver(inputs, now, ports.log);
}

function deliver(inputs: PlanInputs, now: CurrentValues, log: Log): PlanResult {
  const stages = planStages(inputs, now);
  const back = planRevert(inputs, now);
  const left = leftover(inputs, now);
  if (left !== undefined) {
    log.warning(
      'W_LEFTOVER_CANARY',
      `a canary ${left.digest} at ${left.weight} % was left in flight; this delivery replaces it`,
    );
  }
  for (const stage of stages) log.info(`${stage.index + 1}. ${stage.name}: ${checkOf(stage)}`);
  log.notice(
    stages.length === 0
      ? `${inputs.digest} is the stable version already: nothing to do`
      : `${stages.length} stages: ${stages.map((s) => s.name).join(', ')}`,
  );
  return {
    outputs: {
      stages: JSON.stringify(stages),
      count: stages.length,
      records: `${inputs.records}-*`,
      revert: JSON.stringify(back.revert),
      'revert-finished': JSON.stringify(back.revertFinished),
      current: JSON.stringify(now),
      leftover: left?.digest ?? '',
    },
    summary: summarise(inputs, now, stages),
  };
}

async function promote(inputs: PlanInputs, now: CurrentValues, ports: PlanPorts): Promise<PlanResult> {
  const { argo } = inputs;
  const live = argo === undefined ? undefined : await ports.log.group('ask Argo CD', () => ports.live(argo));
  const promoted = planPromotion(now, live, inputs.file);
  ports.log.notice(`${inputs.file} runs ${promoted.tag}@${promoted.digest}, built from ${promoted.revision}`);
  const { code, text } = markdown;
  const checked = live === undefined ? 'Argo CD was not asked' : 'Synced and Healthy on it';
  return {
    outputs: { ...promoted, current: JSON.stringify(now) },
    summary: `### Promotion: ${text(inputs.repository)}, ${code(inputs.file)}\n\n${code(`${promoted.tag}@${promoted.digest}`)}. ${checked}.\n`,
  };
}

async function rollback(inputs: PlanInputs, now: CurrentValues, { log, history }: PlanPorts): Promise<PlanResult> {
  const messages = isFlip(now, inputs.to) ? await history(inputs) : [];
  const plan = planRollback(now, inputs, inputs.to, messages);
  log.notice(plan.rollback === '' ? 'The requests go to the other slot' : `Take back ${plan.rollback}`);
  return {
    outputs: {
      rollback: plan.rollback,
      'rollback-file': plan.imagePath === '' ? '' : inputs.file,
      'rollback-image-path': plan.imagePath,
      updates: plan.updates.length === 0 ? '' : JSON.stringify(plan.updates),
      revision: plan.revision,
      current: JSON.stringify(now),
    },
    summary: '',
  };
}

/** What is judged after the commit of a rollback: the version that is back against the one that was taken back. */
function rolledBack(inputs: PlanInputs, now: CurrentValues, { log }: PlanPorts): PlanResult {
  const judging = judgeRollback(inputs.labels, readBefore(inputs.before), now);
  const { digest = '', revision = '' } = now.stable;
  if ('unjudged' in judging) log.notice(`Nothing is judged: ${judging.unjudged}`);
  else log.notice(`${now.stable.tag}@${digest} is back, and is judged`);
  const verify = 'verify' in judging ? JSON.stringify(judging.verify) : '';
  return { outputs: { verify, digest, revision, current: JSON.stringify(now) }, summary: '' };
}

/** In words. */
function checkOf({ verify, unjudged }: Stage): string {
  if (verify === undefined) return `handoff only, ${unjudged}`;
  return verify.rollout === '' ? `verified, ${verify.mode}` : `the Rollout ${verify.rollout} is watched`;
}

function summarise(inputs: PlanInputs, now: CurrentValues, stages: readonly Stage[]): string {
  const { code, table, text } = markdown;
  const head = `### Plan: ${text(inputs.repository)}, ${code(inputs.file)}\n\n`;
  const stable = now.stable.digest || now.stable.tag || 'none';
  if (stages.length === 0) return `${head}${code(inputs.digest)} is the stable version already. Nothing to do.\n`;
  const rows = stages.map((s) => [String(s.index + 1), text(s.name), text(checkOf(s))]);
  return `${head}Stable now: ${code(stable)}. New: ${code(`${inputs.tag}@${inputs.digest}`)}.\n\n${table(['#', 'stage', 'check'], rows)}`;
}
