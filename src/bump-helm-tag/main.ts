import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gitHubClient } from '../github/index.ts';
import { openHttp } from '../http/index.ts';
import { Deadline, type Env, runMain, systemClock, systemExec } from '../runner/index.ts';
import type { ConfigRepository } from './config-repository.ts';
import { gitRepository } from './git-repository.ts';
import { gitHubRepository } from './github-repository.ts';
import { type BumpInputs, parseBumpInputs } from './inputs.ts';
import { noticeOf, outputsOf, summaryOf, warningsOf } from './report.ts';
import { run } from './run.ts';
import { gitHubSourceHistory } from './source-history.ts';

await runMain('bump-helm-tag', async ({ env, log, signal, outputs, summary }) => {
  const inputs = parseBumpInputs(env);
  for (const secret of [inputs.token, inputs.sourceToken]) log.mask(secret);
  const bumpId = randomUUID();
  const http = openHttp();
  using deadline = new Deadline(inputs.deadline, systemClock, signal);
  let repository: ConfigRepository | undefined;
  try {
    repository = inputs.transport === 'git' ? await openGit(inputs, env) : openGitHub(inputs);
    const source = gitHubSourceHistory(
      gitHubClient(http, inputs.apiUrl, inputs.sourceToken || inputs.token, 'bump-helm-tag'),
      inputs.sourceRepository,
      systemClock,
      Math.random,
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

  function openGitHub(given: BumpInputs): ConfigRepository {
    const [owner = '', name = ''] = given.repository.split('/');
    const client = gitHubClient(http, given.apiUrl, given.token, 'bump-helm-tag');
    return gitHubRepository(
      client,
      { owner, name, branch: given.branch, serverUrl: given.serverUrl },
      systemClock,
      Math.random,
    );
  }
});

async function openGit(inputs: BumpInputs, env: Env): Promise<ConfigRepository> {
  const workdir = join(env.RUNNER_TEMP || tmpdir(), `bump-helm-tag-${randomBytes(8).toString('hex')}`);
  await mkdir(workdir, { recursive: true, mode: 0o700 });
  const basic = Buffer.from(`${inputs.username}:${inputs.token}`).toString('base64');
  const authorization = inputs.token === '' ? undefined : `Basic ${basic}`;
  return gitRepository(
    { url: inputs.gitUrl, branch: inputs.branch, authorization, author: inputs.author },
    { exec: systemExec, workdir, env },
  );
}
