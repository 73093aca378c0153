/** The program behind the command line: arguments and environment in, lines and an exit code out. */
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openArgoCd } from '../argocd/index.ts';
import { gitHubClient } from '../github/index.ts';
import { type Http, openHttp } from '../http/index.ts';
import { credentialsFor, Registry } from '../oci/index.ts';
import { ActionError, Deadline, describeError, type Env, systemClock, systemExec } from '../runner/index.ts';
import { type AuditInputs, parseCommandLine } from './args.ts';
import { ghVerify } from './attestation.ts';
import { type AuditPorts, audit } from './audit.ts';
import { openForge } from './forge.ts';
import { judge } from './judge.ts';
import { renderError, renderJson, renderLines } from './report.ts';
import { readSecrets, type Secrets } from './secrets.ts';

const AGENT = 'delivery-audit';
const SECONDS = 300;
const NOT_RUN = 3;

export interface Io {
  out(line: string): void;
  err(line: string): void;
  /** All of standard input. */
  stdin(): Promise<string>;
  signal: AbortSignal;
}

/** @returns the exit code: 0 all ok, 1 something is wrong, 2 something is missing, 3 the audit did not run */
export async function program(argv: readonly string[], env: Env, io: Io): Promise<number> {
  const secrets = readSecrets(env);
  const http = openHttp();
  try {
    const inputs = parseCommandLine(argv);
    using deadline = new Deadline(SECONDS, systemClock, io.signal);
    const links = await audit(inputs, await openPorts(inputs, env, { http, deadline, secrets, io }));
    const verdict = judge(links, inputs);
    if (inputs.json) io.out(renderJson(links, verdict, secrets.hide));
    else for (const line of renderLines(links, secrets.hide)) io.out(line);
    const error = renderError(verdict, secrets.hide);
    if (error !== '') io.err(error);
    return verdict.exit;
  } catch (error) {
    io.err(secrets.hide(describeError('audit', error).message));
    return NOT_RUN;
  } finally {
    await http.close();
  }
}

interface Means {
  http: Http;
  deadline: Deadline;
  secrets: Secrets;
  io: Io;
}

async function openPorts(inputs: AuditInputs, env: Env, { http, deadline, secrets, io }: Means): Promise<AuditPorts> {
  const ports = { clock: systemClock, random: Math.random, deadline };
  const api = apiUrl(env);
  const forge = (repository: string, token: string) =>
    openForge(gitHubClient(http, api, token, AGENT), repository, ports);
  const { running } = inputs;
  const folder = env.DOCKER_CONFIG || join(env.HOME || '/', '.docker');
  const given = secrets.registry === undefined ? [] : ([[inputs.image.host, secrets.registry]] as const);
  const login = credentialsFor({
    given: new Map(given),
    config: await readFile(join(folder, 'config.json'), 'utf8').catch(() => ''),
    exec: systemExec,
    env,
    onLogin: ({ password }) => secrets.add(password),
  });
  const registry = { ...ports, http, credentials: () => login(inputs.image.host), onToken: secrets.add };
  return {
    deadline,
    registry: new Registry(inputs.image.host, registry),
    config: forge(inputs.configRepository, secrets.config),
    source: (repository) => forge(repository, secrets.source),
    verify: (repository, page) =>
      ghVerify({
        exec: systemExec,
        env,
        signal: deadline.signal,
        repository,
        token: secrets.source,
        host: URL.canParse(page) ? new URL(page).host : '',
      }),
    argo:
      running.kind === 'argocd'
        ? openArgoCd(
            running.server,
            secrets.argocd,
            { http, clock: systemClock, random: Math.random },
            { server: '--argocd-url', application: '--app', token: 'ARGOCD_TOKEN' },
          )
        : undefined,
    readFile: (path) => (path === '-' ? io.stdin() : readFile(path, 'utf8')),
    helm: { exec: systemExec, env, helm: env.AUDIT_HELM || 'helm', temp: env.RUNNER_TEMP || tmpdir(), deadline },
  };
}

function apiUrl({ GITHUB_API_URL: given = '' }: Env): URL {
  if (given === '') return new URL('https://api.github.com');
  if (URL.canParse(given)) return new URL(given);
  throw new ActionError('E_INPUT', {
    what: 'GITHUB_API_URL',
    why: 'it is no address',
    fix: 'Set it to the REST base of the forge, such as https://github.example.org/api/v3',
  });
}
