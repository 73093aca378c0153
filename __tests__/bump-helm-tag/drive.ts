/**
 * The program of the action in this process, with its real transports: for rows that need no process of their own, a clock
 * that does not wait, or somebody who acts between read and write.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfigRepository } from '../../src/bump-helm-tag/config-repository.ts';
import { gitRepository } from '../../src/bump-helm-tag/git-repository.ts';
import { gitHubRepository } from '../../src/bump-helm-tag/github-repository.ts';
import { type BumpInputs, parseBumpInputs } from '../../src/bump-helm-tag/inputs.ts';
import { basicCredential } from '../../src/bump-helm-tag/open.ts';
import { noticeOf, outputsOf, summaryOf, warningsOf } from '../../src/bump-helm-tag/report.ts';
import { run } from '../../src/bump-helm-tag/run.ts';
import { apiSourceHistory } from '../../src/bump-helm-tag/source-history.ts';
import { gitHubClient } from '../../src/github/index.ts';
import { openHttp } from '../../src/http/index.ts';
import {
  actionsLog,
  annotationCommand,
  type Clock,
  Deadline,
  describeError,
  systemClock,
  systemExec,
} from '../../src/runner/index.ts';
import type { ActionResult } from '../support/bundle.ts';
import type { World } from './world.ts';

export interface DriveOptions {
  /** Default: the real one. fakeClock() makes all waiting pass at once. */
  clock?: Clock;
  /** Seconds; default: the input `deadline`. */
  seconds?: number;
  signal?: AbortSignal;
  env?: Record<string, string>;
  /** Runs before the n-th write (from 1), when its bytes are made: what somebody else does in that moment. */
  beforeWrite?: (n: number) => Promise<unknown>;
}

export async function drive(
  world: World,
  inputs: Record<string, string>,
  options: DriveOptions = {},
): Promise<ActionResult> {
  const { clock = systemClock } = options;
  const lines: string[] = [];
  const log = actionsLog('bump-helm-tag', (line) => lines.push(line), clock);
  const result: ActionResult = { code: 0, log: '', outputs: {}, summary: '' };
  const temp = await mkdtemp(join(tmpdir(), 'drive-'));
  const http = openHttp();
  let repository: ConfigRepository | undefined;
  try {
    const given: Record<string, string> = {
      'config-repository': 'org/cfg',
      token: world.token,
      'source-token': world.token,
      ...inputs,
    };
    const parsed = parseBumpInputs({
      ...world.env,
      ...options.env,
      ...Object.fromEntries(Object.entries(given).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])),
    });
    using deadline = new Deadline(options.seconds ?? parsed.deadline, clock, options.signal);
    const ports = { clock, random: () => 0.5, deadline, log };
    repository = open(parsed, world, http, temp, ports);
    const client = gitHubClient(http, parsed.apiUrl, parsed.sourceToken, 'drive');
    const bumpId = randomUUID();
    const outcome = await run(parsed, bumpId, {
      ...ports,
      repository: interrupted(repository, options.beforeWrite),
      source: apiSourceHistory(client, parsed.source.repository, clock),
    });
    result.outputs = Object.fromEntries(Object.entries(outputsOf(outcome, bumpId)).map(([k, v]) => [k, String(v)]));
    result.summary = summaryOf(outcome, parsed, []);
    log.annotate(warningsOf(outcome));
    log.notice(noticeOf(outcome, parsed));
  } catch (error) {
    const { code, message, at } = describeError('bump-helm-tag', error);
    lines.push(annotationCommand({ level: 'error', code, message, ...(at ? { at } : {}) }));
    result.code = 1;
  } finally {
    await repository?.close();
    await http.close();
    await rm(temp, { recursive: true, force: true });
  }
  result.log = lines.map((line) => `${line}\n`).join('');
  return result;
}

type Waiting = { clock: Clock; random: () => number; deadline: Deadline; log: ReturnType<typeof actionsLog> };

function open(
  inputs: BumpInputs,
  world: World,
  http: ReturnType<typeof openHttp>,
  temp: string,
  ports: Waiting,
): ConfigRepository {
  const { branch, config } = inputs;
  const [owner = '', name = ''] = config.repository.split('/');
  if (inputs.transport === 'github') {
    const client = gitHubClient(http, inputs.apiUrl, inputs.token, 'drive');
    return gitHubRepository(client, { owner, name, branch, serverUrl: world.forge.url }, ports);
  }
  const { url, origin, commitPage } = config;
  const access = { origin, authorization: `Basic ${basicCredential(inputs)}` };
  return gitRepository(
    { url, access, branch, author: inputs.author, commitPage },
    { ...ports, exec: systemExec, env: process.env, temp },
  );
}

function interrupted(repository: ConfigRepository, before: DriveOptions['beforeWrite']): ConfigRepository {
  if (before === undefined) return repository;
  let n = 0;
  return {
    ...repository,
    async commit(request, signal) {
      n += 1;
      await before(n);
      return repository.commit(request, signal);
    },
  };
}
