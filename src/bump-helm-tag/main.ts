import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { gitHubClient } from '../github/index.ts';
import { openHttp } from '../http/index.ts';
import { Deadline, type Env, type Log, runMain, systemClock, systemExec } from '../runner/index.ts';
import type { ConfigRepository } from './config-repository.ts';
import { gitRepository } from './git-repository.ts';
import { gitHubRepository } from './github-repository.ts';
import { type BumpInputs, parseBumpInputs } from './inputs.ts';
import { noticeOf, outputsOf, summaryOf, warningsOf } from './report.ts';
import { run } from './run.ts';
import { apiSourceHistory } from './source-history.ts';

await runMain('bump-helm-tag', async ({ env, log, signal, outputs, summary }) => {
  const inputs = parseBumpInputs(env);
  // git sends the token in a header of its own form: an error text may quote that one.
  const header = Buffer.from(`${inputs.username}:${inputs.token}`).toString('base64');
  for (const secret of [inputs.token, inputs.sourceToken, inputs.token === '' ? '' : header]) log.mask(secret);
  const bumpId = randomUUID();
  const http = openHttp();
  using deadline = new Deadline(inputs.deadline, systemClock, signal);
  let repository: ConfigRepository | undefined;
  try {
    repository = inputs.transport === 'git' ? openGit(inputs, env, deadline, log) : openGitHub(inputs, deadline);
    const source = apiSourceHistory(
      gitHubClient(http, inputs.apiUrl, sourceToken(inputs), 'bump-helm-tag'),
      inputs.sourceRepository,
      systemClock,
    );
    const outcome = await run(inputs, bumpId, {
      repository,
      source,
      clock: systemClock,
      random: Math.random,
      deadline,
      log,
    });
    outputs(outputsOf(outcome, bumpId));
    summary(summaryOf(outcome, inputs));
    log.annotate(warningsOf(outcome));
    log.notice(noticeOf(outcome, inputs));
  } finally {
    await repository?.close();
    await http.close();
  }

  function openGitHub(given: BumpInputs, limit: Deadline): ConfigRepository {
    const [owner = '', name = ''] = given.repository.split('/');
    const client = gitHubClient(http, given.apiUrl, given.token, 'bump-helm-tag');
    return gitHubRepository(
      client,
      { owner, name, branch: given.branch, serverUrl: given.serverUrl },
      { clock: systemClock, random: Math.random, deadline: limit },
    );
  }
});

// The token of another Git host must never reach this API.
function sourceToken(inputs: BumpInputs): string {
  return inputs.sourceToken === '' && inputs.transport === 'github' ? inputs.token : inputs.sourceToken;
}

function openGit(inputs: BumpInputs, env: Env, deadline: Deadline, log: Log): ConfigRepository {
  const basic = Buffer.from(`${inputs.username}:${inputs.token}`).toString('base64');
  const authorization = inputs.token === '' ? undefined : `Basic ${basic}`;
  return gitRepository(
    {
      url: inputs.gitUrl.href,
      access: { origin: inputs.gitUrl.origin, authorization },
      branch: inputs.branch,
      author: inputs.author,
      commitPage: `${inputs.gitUrl.href.replace(/\.git$/, '')}/commit/{oid}`,
    },
    {
      exec: systemExec,
      env,
      temp: env.RUNNER_TEMP || tmpdir(),
      clock: systemClock,
      random: Math.random,
      deadline,
      log,
    },
  );
}
