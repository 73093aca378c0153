/** The walking path with a real builder: what a stranger is promised. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { developer, type PullRequest } from '../../../lab/demo/developer.ts';
import { pullRequestEvent, pushEvent } from '../../../lab/demo/events.ts';
import { type DemoOptions, parseOptions } from '../../../lab/demo/options.ts';
import { SERVICE } from '../../../lab/demo/seed.ts';
import { startWorld, type World } from '../../../lab/demo/world.ts';
import { git } from '../../../lab/forge/git.ts';
import { leafJobs, type Run } from '../../../lab/runner/index.ts';
import { systemExec } from '../../../src/runner/index.ts';
import { sampleArgv } from '../../../tools/check-workflows/leaks.ts';
import { root } from '../../support/bundle.ts';
import { watchEnvironments } from './watch.ts';

interface DemoResult {
  ok: boolean;
  problems: string[];
  outputs: Record<string, string>;
  requests: { sent: number; failed: number };
  downtime: { failed: number; seconds: number };
  drift?: { writes: [string, number][] };
  commits: { subject: string }[];
  audit: { name: string; status: string }[];
  report: string;
}

async function demo(...args: string[]): Promise<DemoResult> {
  const result = await systemExec('npm', ['run', '--silent', 'demo', '--', '--json', ...args], {
    cwd: root,
    timeout: 240,
  });
  const line = result.stdoutTail.trim().split('\n').at(-1) ?? '';
  if (!line.startsWith('{')) throw new Error(result.stdoutTail.slice(-2000) + result.stderrTail.slice(-2000));
  return JSON.parse(line) as DemoResult;
}

describe('npm run demo', () => {
  test('a: a good version reaches 100 % through its weights', async () => {
    using seen = watchEnvironments();
    await using argv = await sampleArgv(50);
    const result = await demo();
    expect(result.problems).toEqual([]);
    // W10: no secret in an argument list, over a whole delivery. The tokens of the forge, and the key of the App.
    const commands = argv.samples().map(({ text }) => text);
    expect(commands.filter((line) => line.includes('/dist/verify-canary/')).length).toBeGreaterThan(0);
    expect(commands.filter((line) => /gh[ps]_[0-9a-f]{36}|PRIVATE KEY/.test(line))).toEqual([]);
    // CI holds nothing that could write to a cluster: not by name, and not by value.
    const variables = [...seen.variables];
    expect(variables.filter((one) => one.startsWith('INPUT_ARGOCD-TOKEN=')).length).toBeGreaterThan(0);
    expect(
      variables.filter((one) => /^[^=]*(KUBE|K8S_|KUBECONFIG|HELM_KUBE|ARGOCD_(AUTH|PASSWORD|OPTS))/i.test(one)),
    ).toEqual([]);
    expect(variables.filter((one) => /client-(key|certificate)-data|kind: *Config\b|:6443\b/.test(one))).toEqual([]);
    // The attestation of the lab has no signature.
    expect(result.audit.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'pod ok',
      'digest ok',
      'image ok',
      'handoff ok',
      'source ok',
      'run ok',
      'attestation unverified',
      'values ok',
    ]);
    expect(result.commits).toHaveLength(6);
    expect(result.outputs).toMatchObject({ verdict: 'pass', reused: 'false', superseded: 'false' });
    expect(readFileSync(result.report, 'utf8')).toContain('class="verdict pass"');
  });
  test.each(['errors', 'latency', 'cpu'])('b: the fault %s fails, and one commit takes it back', async (fault) => {
    const result = await demo('--break', fault);
    expect(result.problems).toEqual([]);
    expect(result.outputs).toMatchObject({ verdict: 'fail', reason: expect.stringContaining(`worse:${fault}`) });
  });
});

describe('npm run demo, the other ways', () => {
  test('recreate costs requests, and one commit', async () => {
    const result = await demo('--strategy', 'recreate');
    expect(result.problems).toEqual([]);
    expect(result.downtime.failed).toBeGreaterThan(0);
    expect(readFileSync(result.report, 'utf8')).toContain('<dt>strategy</dt><dd>recreate</dd>');
  });
  test('blueGreen costs none; a change by hand is healed, and the cluster takes no write', async () => {
    const result = await demo('--strategy', 'blueGreen', '--drift');
    expect(result.problems).toEqual([]);
    expect(result.downtime.failed).toBe(0);
    expect(result.commits).toHaveLength(2);
    expect(result.drift?.writes.map(([, status]) => status)).toEqual([405, 405, 405, 405]);
  });
  test('a change that fails the gate is not merged, and nothing is shipped', async () => {
    const result = await demo('--break', 'lint');
    expect(result.problems).toEqual([]);
    expect(readFileSync(result.report, 'utf8')).toContain('class="verdict refused"');
  });
});

/** Command lines of what a demo starts, as far as it still runs. */
function running(): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .flatMap((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return []; // Gone meanwhile.
      }
    })
    .filter((line) => /k8s_histogram_eq|lab\/demo\/main|dist\/[a-z-]+\/index\.js/.test(line));
}

test('trap 40: Ctrl-C ends all that the demo has started', async () => {
  const child = spawn('npm', ['run', '--silent', 'demo'], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const gone = new Promise((done) => child.once('exit', done));
  let log = '';
  await new Promise<void>((done) => {
    child.stdout.on('data', (text) => {
      log += text;
      if (log.includes('first version is running')) done();
    });
    void gone.then(() => done());
  });
  expect(running().filter((line) => line.includes('k8s_histogram_eq'))).not.toEqual([]);
  // As a terminal does it: to everybody in the foreground.
  process.kill(-(child.pid ?? 0), 'SIGINT');
  await gone;
  for (let i = 0; i < 100 && running().length > 0; i += 1) await new Promise((done) => setTimeout(done, 200));
  expect(running()).toEqual([]);
});

describe('one world', () => {
  let world: World;
  const signal = new AbortController().signal;
  beforeAll(async () => {
    world = await startWorld(root, parseOptions(['--strategy', 'rolling']) as DemoOptions, { info: () => {} });
    await world.goLive();
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  const dev = () =>
    developer(
      world.forge,
      SERVICE,
      world.forge.createToken({ permissions: { contents: 'write', pull_requests: 'write' }, repositories: [SERVICE] }),
    );
  const onPull = (pull: PullRequest): Promise<Run> => world.run(pullRequestEvent(pull), () => {}, signal);
  const onPush = (sha: string): Promise<Run> => world.run(pushEvent(sha), () => {}, signal);
  const job = (run: Run, name: string) => leafJobs(run).find((j) => j.name === name);
  const configHead = async (): Promise<string> =>
    (await git(world.paths.config, ['rev-parse', 'main'])).toString().trim();
  const writes = (): number =>
    world.registry.requests().filter((r) => r.method !== 'GET' && r.method !== 'HEAD').length;

  test.each<[string, string, Record<string, (text: string) => string>, (run: Run) => void]>([
    [
      'a vulnerable pin',
      'deliver / test / scan',
      { 'requirements.txt': (text) => text.replace(/^aiohttp==\S+/m, 'aiohttp==3.9.0') },
      (run) => {
        const line =
          readFileSync(join(root, 'examples/histogram-eq/requirements.txt'), 'utf8')
            .split('\n')
            .findIndex((l) => l.startsWith('aiohttp==')) + 1;
        expect(job(run, 'deliver / test / scan')?.annotations).toContainEqual(
          expect.objectContaining({ level: 'error', file: 'requirements.txt', line }),
        );
      },
    ],
    [
      'a failing test',
      'deliver / test / test (3.12)',
      { 'tests/test_codec.py': (text) => `${text}\n\ndef test_red():\n    assert False\n` },
      () => {},
    ],
    [
      'a flake8 error',
      'deliver / test / lint',
      { 'k8s_histogram_eq/codec.py': (text) => `import os\n${text}` },
      () => {},
    ],
  ])('c: %s turns the gate red: nothing is built, committed or merged', async (name, red, edits, check) => {
    const [head, before] = [await configHead(), writes()];
    const developerOf = dev();
    const pull = await developerOf.propose(name.replaceAll(' ', '-'), name, edits);
    const run = await onPull(pull);
    expect([job(run, red)?.conclusion, job(run, 'deliver / gate')?.conclusion]).toEqual(['failure', 'failure']);
    check(run);
    expect(await developerOf.merge(pull)).toMatchObject({
      refused: 405,
      message: expect.stringContaining('deliver / gate'),
    });
    expect([await configHead(), writes()]).toEqual([head, before]);
  });

  test('d: the same commit delivered twice: nothing is built, nothing committed, green', async () => {
    const developerOf = dev();
    const pull = await developerOf.propose('good', 'Say which release this is', {
      'k8s_histogram_eq/__init__.py': (text) => `${text.trimEnd()}\n\n__version__ = '1.1.0'\n`,
    });
    expect((await onPull(pull)).conclusion).toBe('success');
    const merged = await developerOf.merge(pull);
    if ('refused' in merged) throw new Error(merged.message);
    const first = await onPush(merged.sha);
    expect([first.conclusion, first.jobs[0]?.outputs.verdict, first.jobs[0]?.outputs.reused]).toEqual([
      'success',
      'pass',
      'false',
    ]);
    const [head, before] = [await configHead(), writes()];
    const second = await onPush(merged.sha);
    expect([second.conclusion, second.jobs[0]?.outputs.reused, second.jobs[0]?.outputs.digest]).toEqual([
      'success',
      'true',
      first.jobs[0]?.outputs.digest,
    ]);
    expect(leafJobs(second).filter((j) => j.id === 'stage' && j.conclusion !== 'skipped')).toEqual([]);
    expect([await configHead(), writes()]).toEqual([head, before]);
    expect(world.forge.unknownRoutes()).toEqual([]);
  });
});
