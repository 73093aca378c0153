import { openArgoCd } from '../argocd/index.ts';
import { openHttp } from '../http/index.ts';
import { ActionError, Deadline, runMain, systemClock } from '../runner/index.ts';
import { type PlanInputs, parsePlanInputs } from './inputs.ts';
import { run } from './run.ts';
import { readLog, readValuesFile, type ValuesFileAddress } from './values-file.ts';

await runMain('plan-delivery', async (frame) => {
  const inputs = parsePlanInputs(frame.env);
  frame.log.mask(inputs.token);
  if (inputs.argo !== undefined) frame.log.mask(inputs.argo.token);
  const http = openHttp();
  using deadline = new Deadline(inputs.timeout, systemClock, frame.signal);
  const ports = { http, clock: systemClock, random: Math.random };
  try {
    const { outputs, summary } = await run(inputs, {
      log: frame.log,
      read: (wish) => readValuesFile(addressOf(wish), { ...ports, deadline }),
      history: (wish) => readLog(addressOf(wish), { ...ports, deadline }),
      async live({ server, token, application }) {
        const names = { server: 'argocd-url', application: 'argocd-app', token: 'argocd-token' };
        const argo = openArgoCd(server, token, ports, names);
        const answer = await argo.application(application, { refresh: true }, deadline);
        if (answer.kind === 'application') return answer.state;
        throw new ActionError('E_PLAN_PROMOTE_HEALTH', {
          what: `Application ${application.name}`,
          why: answer.why,
          fix: 'Run the job again when Argo CD answers',
        });
      },
    });
    if (summary !== '') frame.summary(summary);
    frame.outputs(outputs);
  } finally {
    await http.close();
  }
});

function addressOf({ apiUrl, repository, branch, file, token }: PlanInputs): ValuesFileAddress {
  return { apiUrl, repository, branch, path: file, token };
}
