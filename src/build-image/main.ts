import './parser-tier.ts';
import { randomBytes } from 'node:crypto';
import { appendFile, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { openHttp } from '../http/index.ts';
import { credentialsFor, Registry } from '../oci/index.ts';
import { childEnv, Deadline, describeError, rawInput, runMain, systemClock, systemExec } from '../runner/index.ts';
import { INPUTS } from './input-schema.ts';
import { type BuildInputs, parseBuildInputs } from './inputs.ts';
import { installBuildx } from './install-buildx.ts';
import { maskSecrets } from './mask.ts';
import { failedOutput, noticeOf, outputsOf } from './outputs.ts';
import { remembering } from './remembering.ts';
import type { Progress } from './result.ts';
import { run } from './run.ts';
import { failureSummary, summaryOf } from './summary.ts';

await runMain('build-image', async ({ env, log: plain, signal, outputs, summary }) => {
  const progress: Progress = { states: [], seconds: {}, warnings: [] };
  const { log, redact } = remembering(plain, progress);
  maskSecrets(env, INPUTS, (secret) => log.mask(secret));
  const fail = (error: unknown, images: Pick<BuildInputs, 'images'> | undefined): void => {
    const { code, message: said } = describeError('build-image', error);
    // The engine's last words are in it, whatever they are.
    const message = redact(said);
    outputs({ json: failedOutput(images?.images ?? [], { code, message }, progress) });
    summary(failureSummary({ code, message }, progress));
  };
  let inputs: BuildInputs;
  try {
    inputs = parseBuildInputs(env);
  } catch (error) {
    fail(error, undefined);
    throw error;
  }
  if (inputs.lowered) log.notice('the repository was lowered: registries know no upper case');
  if (/\n\s*$/.test(rawInput('password', env))) log.notice('the line break at the end of the password was left out');
  const config = join(env.DOCKER_CONFIG || join(env.HOME || homedir(), '.docker'), 'config.json');
  const http = openHttp({ plainHttp: inputs.insecure });
  using deadline = new Deadline(inputs.timeout, systemClock, signal);
  const loginFor = credentialsFor({
    given: inputs.logins,
    config: await readFile(config, 'utf8').catch(() => ''),
    exec: systemExec,
    env: childEnv(env),
    onLogin({ username, password }) {
      for (const secret of [password, Buffer.from(`${username}:${password}`).toString('base64')]) log.mask(secret);
    },
  });
  const registries = new Map<string, Registry>();
  const registryFor = (host: string): Registry => {
    const known = registries.get(host);
    if (known !== undefined) return known;
    const { insecure, trustedRealms, retries } = inputs;
    const onToken = (token: string): void => log.mask(token);
    const credentials = () => loginFor(host);
    const options = { http, clock: systemClock, deadline, retries, credentials, trustedRealms, insecure, onToken };
    const registry = new Registry(host, options);
    registries.set(host, registry);
    return registry;
  };
  try {
    const result = await run(
      inputs,
      {
        log,
        exec: systemExec,
        clock: systemClock,
        deadline,
        env,
        registryFor,
        loginFor,
        installBuildx: (pin, folder) => installBuildx(pin, { http, folder, signal: deadline.signal }),
        randomHex: (bytes) => randomBytes(bytes).toString('hex'),
      },
      progress,
    );
    const { values, cut } = outputsOf(inputs, result, progress);
    if (cut.length > 0)
      log.warning('W_OUTPUT_CUT', `the outputs were too large, so these are not whole: ${cut.join(', ')}`);
    outputs(values);
    summary(redact(summaryOf(inputs, result, progress)));
    if (env.GITHUB_ARTIFACTS && result.pushed) {
      const lines = inputs.images.map((i) => `oci://${i.host}/${i.repository}@${values.digest}\n`).join('');
      await appendFile(env.GITHUB_ARTIFACTS, lines).catch((error: unknown) => log.debug(String(error)));
    }
    log.notice(noticeOf(inputs, result, progress));
  } catch (error) {
    fail(error, inputs);
    throw error;
  } finally {
    await http.close();
  }
});
