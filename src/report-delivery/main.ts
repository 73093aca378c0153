import { ActionError, type Run, runMain } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { readStages, writeStage } from './files.ts';
import { checkGate } from './gate.ts';
import { parseReportInputs } from './inputs.ts';
import { parseNeeds } from './needs.ts';
import { judgeDelivery } from './result.ts';
import { checkStale, recordStage } from './stage.ts';
import { manualRevert, renderSummary } from './summary.ts';

type Inputs = ReturnType<typeof parseReportInputs>;

await runMain('report-delivery', async (frame) => {
  const inputs = parseReportInputs(frame.env);
  if (inputs.mode === 'gate') checkGate(parseNeeds(inputs.needs), inputs['allow-skipped']);
  else if (inputs.mode === 'stage') await reportStage(inputs);
  else await reportResult(inputs, frame);
});

async function reportStage(inputs: Inputs): Promise<void> {
  const record = recordStage(inputs.stage, inputs.handoff);
  if (inputs['report-dir'] !== '') await writeStage(inputs['report-dir'], record);
  checkStale(record, inputs.revision);
}

async function reportResult(inputs: Inputs, frame: Run): Promise<void> {
  const stages = await readStages(inputs['stages-dir']);
  const result = judgeDelivery(parseNeeds(inputs.needs), stages);
  const facts = {
    app: inputs.app,
    revision: inputs.revision,
    deliveryId: inputs['delivery-id'],
    configRepository: inputs['config-repository'],
    configBranch: inputs['config-branch'],
    valuesFile: inputs['values-file'],
  };
  frame.summary(renderSummary(facts, result, stages));
  frame.outputs({
    verdict: result.verdict,
    reason: result.reason,
    message: oneLine(result.message),
    'commit-sha': result.commitSha,
    'delivery-id': facts.deliveryId,
    superseded: result.verdict === 'superseded',
  });
  if (result.reverted === 'failed') {
    frame.log.info(manualRevert(facts));
    throw new ActionError('E_REVERT_FAILED', {
      what: 'revert',
      why: `the canary of ${oneLine(facts.app, 100)} may still be live. ${result.message}`,
      fix: 'Take the handoff commits back by hand: the three commands stand in the log and the summary',
    });
  }
  if (!result.green) {
    throw new ActionError('E_DELIVERY', {
      what: `delivery of ${oneLine(facts.app, 100)}`,
      why: result.message.replace(/\.$/, ''),
      fix: 'See the report of the stage that decided; deliver a better version, or re-run all jobs',
    });
  }
  frame.log.notice(result.message);
}
