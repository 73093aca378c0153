import { randomBytes } from 'node:crypto';
import { appendFile, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { openHttp } from '../http/index.ts';
import { dockerLogins, Registry } from '../oci/index.ts';
import { Deadline, describeError, runMain, systemClock, systemExec } from '../runner/index.ts';
import { INPUTS, parseBuildInputs } from './inputs.ts';
import { maskSecrets } from './mask.ts';
import { noticeOf, outputsOf, summaryOf } from './report.ts';
import { run } from './run.ts';

await runMain('build-image', async ({ env, log, signal, outputs, summary }) => {
  maskSecrets(env, INPUTS, (secret) => log.mask(secret));
  const inputs = parseBuildInputs(env);
  if (inputs.lowered) log.notice('the repository was lowered: registries know no upper case');
  const config = join(env.DOCKER_CONFIG || join(env.HOME || homedir(), '.docker'), 'config.json');
  const logins = new Map([...dockerLogins(await readFile(config, 'utf8').catch(() => '')), ...inputs.logins]);
  for (const { username, password } of logins.values()) {
    for (const secret of [password, Buffer.from(`${username}:${password}`).toString('base64')]) log.mask(secret);
  }
  const http = openHttp({ plainHttp: inputs.insecure });
  using deadline = new Deadline(inputs.timeout, systemClock, signal);
  const registries = new Map<string, Registry>();
  const registryFor = (host: string): Registry => {
    const known = registries.get(host);
    if (known !== undefined) return known;
    const { insecure, trustedRealms, retries } = inputs;
    const credentials = logins.get(host);
    const onToken = (token: string): void => log.mask(token);
    const options = { http, clock: systemClock, deadline, retries, credentials, trustedRealms, insecure, onToken };
    const registry = new Registry(host, options);
    registries.set(host, registry);
    return registry;
  };
  try {
    const randomHex = (bytes: number): string => randomBytes(bytes).toString('hex');
    const world = { log, exec: systemExec, clock: systemClock, deadline, env, registryFor, randomHex };
    const result = await run({ ...inputs, logins }, world);
    const values = outputsOf(inputs, result);
    outputs(values);
    summary(summaryOf(inputs, result));
    if (env.GITHUB_ARTIFACTS && result.pushed) {
      const lines = inputs.images.map((i) => `oci://${i.host}/${i.repository}@${values.digest}\n`).join('');
      await appendFile(env.GITHUB_ARTIFACTS, lines).catch((error: unknown) => log.debug(String(error)));
    }
    log.notice(noticeOf(inputs, result));
  } catch (error) {
    const { code, message } = describeError('build-image', error);
    outputs({ json: JSON.stringify({ version: 1, ok: false, code, message }) });
    throw error;
  } finally {
    await http.close();
  }
});
