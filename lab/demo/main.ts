/** npm run demo: from a push to a verified canary, on this machine. */
import { join } from 'node:path';
import { ActionError, describeError } from '../../src/runner/index.ts';
import { deliver, type Outcome } from './deliver.ts';
import { developer } from './developer.ts';
import { type DemoOptions, parseOptions, USAGE } from './options.ts';
import { consoleProgress, type Progress } from './progress.ts';
import { refuse } from './refusal.ts';
import { SERVICE } from './seed.ts';
import { startWorld, type World } from './world.ts';

const root = join(import.meta.dirname, '../..');
const controller = new AbortController();
// Not `once`: Ctrl-C comes twice, from the terminal and from the process that started this one, and the second one would end
// it before its pods are stopped. An abort that is repeated changes nothing.
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () =>
    controller.abort(
      new ActionError('E_CANCELLED', { what: 'delivery', why: `it was cancelled (${name})`, fix: 'Run it again' }),
    ),
  );
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === 'help') console.log(USAGE);
  else process.exitCode = await demo(options);
} catch (error) {
  console.error(describeError('demo', error).message);
  if (!(error instanceof ActionError)) console.error(error);
  process.exitCode = 1;
}

async function demo(options: DemoOptions): Promise<number> {
  const began = performance.now();
  const progress = consoleProgress(options.json);
  progress.title('Set-up');
  await using world = await startWorld(root, options, progress);
  const setUp = (performance.now() - began) / 1000;
  const token = world.forge.createToken({
    permissions: { contents: 'write', pull_requests: 'write' },
    repositories: [SERVICE],
    login: 'developer',
  });
  const dev = developer(world.forge, SERVICE, token);
  const stage = { root, world, dev, options, progress, signal: controller.signal, began, setUp };
  // Awaited here: a returned promise would let the world go while it is still looked at.
  const outcome = await (options.redGate === undefined ? deliver(stage) : refuse(stage, options.redGate));
  const { problems } = outcome;
  if (options.json) console.log(JSON.stringify({ ok: problems.length === 0, ...outcome.json, problems }));
  else outcome.tell();
  for (const problem of problems) progress.info(`NOT AS PROMISED: ${problem}`);
  if (options.keep) await keepRunning(world, outcome, progress);
  return problems.length === 0 ? 0 : 1;
}

async function keepRunning(world: World, { live }: Outcome, progress: Progress): Promise<void> {
  progress.title('Left running until Ctrl-C');
  progress.info(`forge ${world.forge.url}`);
  progress.info(`metrics ${world.metrics.url}`);
  if (live !== undefined) {
    progress.info(`service ${live.cluster.gatewayUrl}`);
    progress.info(`Argo CD's read API ${live.cluster.apiUrl} (token ${live.cluster.apiToken})`);
  }
  await new Promise<void>((done) => {
    if (controller.signal.aborted) done();
    controller.signal.addEventListener('abort', () => done());
  });
}
