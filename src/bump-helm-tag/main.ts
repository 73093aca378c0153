import { randomUUID } from 'node:crypto';
import { openHttp } from '../http/index.ts';
import { Deadline, runMain, systemClock, systemExec } from '../runner/index.ts';
import { type ApplicationResult, argoFailure, refreshApplications } from './argo.ts';
import { parseBumpInputs } from './inputs.ts';
import { basicCredential, openEdges, tempOf } from './open.ts';
import { noticeOf, outputsOf, summaryOf, warningsOf } from './report.ts';
import { run } from './run.ts';
import { openValidation } from './validate.ts';

await runMain('bump-helm-tag', async ({ env, log, signal, outputs, summary }) => {
  const inputs = parseBumpInputs(env);
  const secrets = [inputs.token, inputs.sourceToken, inputs.argocd?.token ?? '', basicCredential(inputs)];
  for (const secret of [...secrets, ...inputs.ssh.key.split('\n')]) log.mask(secret);
  const bumpId = randomUUID();
  const http = openHttp();
  using deadline = new Deadline(inputs.deadline, systemClock, signal);
  const ports = { clock: systemClock, random: Math.random, deadline, log };
  const edges = openEdges(inputs, env, http, deadline, log);
  try {
    const { repository, source, pulls } = edges;
    const look = openValidation(inputs.validate, repository, {
      exec: systemExec,
      env,
      temp: tempOf(env),
      deadline,
      log,
    });
    const outcome = await run(
      inputs,
      bumpId,
      { repository, source, ...(pulls ? { pulls } : {}), ...ports },
      (edits, { head }) => look(head, new Map(edits.map(({ path, bytes }) => [path, bytes]))),
    );
    // The log first: a full disk must not hide the handoff. And all of it before Argo CD is asked: the handoff is on the branch,
    // also when that ends red, or the run is cancelled while it waits.
    log.annotate(warningsOf(outcome));
    log.notice(noticeOf(outcome, inputs));
    outputs(outputsOf(outcome, bumpId));
    let applications: ApplicationResult[] = [];
    try {
      if (inputs.argocd !== undefined && (outcome.result === 'committed' || outcome.result === 'unchanged')) {
        const known = edges.configHistory.relation;
        applications = await refreshApplications(inputs.argocd, outcome.commitSha, known, { http, ...ports });
      }
    } finally {
      summary(summaryOf(outcome, inputs, applications));
    }
    const failed = inputs.argocd?.wait === true ? argoFailure(applications) : undefined;
    if (failed !== undefined) throw failed;
  } finally {
    const left = await edges.close();
    if (left !== '') log.warning('W_SCRATCH_LEFT', `branch ${left} could not be deleted: delete it by hand`);
    await http.close();
  }
});
