/** What the benches share: docker-registry behind a proxy that counts, engines, runs of the bundle and of scripts, one table. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Distribution, startDistribution } from '../../__tests__/support/distribution.ts';
import { measureProcess, ratio, spread } from '../lib/measure.ts';
import { type Services, startServices } from './_services.ts';

export const root = join(import.meta.dirname, '../..');

export interface Lab extends AsyncDisposable {
  registry: Distribution;
  services: Services;
  temp: string;
  /** The registry, through the counting proxy. */
  host: string;
  /** Bytes since the last call, both ways. */
  bytes(): number;
  /** Every answer of the registry comes so much later; 0: at once. */
  delay(ms: number): void;
  bundle: string;
}

export interface Ran {
  seconds: number;
  code: number | null;
  output: string;
  /** Of the process that was started, not of its children; bytes. */
  peak: number;
  /** Seconds to its first line. */
  first: number;
  /** It was killed at the limit. */
  late: boolean;
}

export interface Way {
  name: string;
  /** Why it cannot be measured here. */
  missing?: string | undefined;
  /** @param n 0 is the run that warms the caches of the machine */
  run(n: number): Promise<Ran>;
  /** Ahead of each run, not measured. */
  before?(n: number): Promise<unknown>;
}

export interface Facts {
  seconds: number[];
  firsts: number[];
  peaks: number[];
  /** It takes longer than one run may, and is not run again. */
  late: boolean;
  requests: number;
  writes: number;
  bytes: number;
}

/** @param args words of the command line: `--bundle=<file>` measures another bundle than the committed one */
export async function openLab(args: readonly string[]): Promise<Lab> {
  const temp = await mkdtemp(join(tmpdir(), 'bench-build-'));
  const registry = await startDistribution();
  const proxy = await countingProxy(Number(registry.host.split(':')[1]));
  const services = await startServices(temp);
  return {
    registry,
    services,
    temp,
    host: proxy.host,
    bytes: proxy.bytes,
    delay: proxy.delay,
    bundle: option(args, 'bundle') ?? join(root, 'dist/build-image/index.js'),
    async [Symbol.asyncDispose]() {
      await services[Symbol.asyncDispose]();
      await proxy.close();
      await registry[Symbol.asyncDispose]();
      await rm(temp, { recursive: true, force: true });
    },
  };
}

export function option(args: readonly string[], name: string): string | undefined {
  return args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
}

/** Seconds that one run may take. */
const LIMIT = 60;
/** A way that takes longer than this gets few runs. */
const SLOW = 10;
const FEW = 3;

let runs = 0;

/** Runs the bundle as a runner does. */
export async function runBundle(
  lab: Pick<Lab, 'temp' | 'bundle' | 'services'>,
  workspace: string,
  inputs: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = lab.services.env,
  limit = LIMIT,
): Promise<Ran> {
  runs += 1;
  const home = join(lab.temp, `run-${runs}`);
  await mkdir(home);
  await writeFile(join(home, 'output'), '');
  return measureProcess(process.execPath, [lab.bundle], {
    cwd: workspace,
    limit,
    env: {
      ...env,
      RUNNER_TEMP: home,
      GITHUB_WORKSPACE: workspace,
      GITHUB_OUTPUT: join(home, 'output'),
      GITHUB_STEP_SUMMARY: join(home, 'summary'),
      GITHUB_REPOSITORY: 'org/app',
      GITHUB_SERVER_URL: 'https://github.com',
      ...Object.fromEntries(Object.entries(inputs).map(([key, value]) => [`INPUT_${key.toUpperCase()}`, value])),
    },
  });
}

/** Runs a constant shell script; values come as variables. */
export function runScript(
  lab: Lab,
  script: string,
  values: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = lab.services.env,
): Promise<Ran> {
  return measureProcess('sh', ['-ec', script], { cwd: lab.temp, env: { ...env, ...values }, limit: LIMIT });
}

/** Measures the ways in turn, so that whatever else the machine does meets all of them. */
export async function measureWays(lab: Lab, ways: readonly Way[], count: number): Promise<Map<string, Facts>> {
  const seen = new Map<string, Facts>();
  for (let n = 0; n <= count; n += 1) {
    for (const way of ways) {
      const before = seen.get(way.name);
      if (way.missing !== undefined || before?.late) continue;
      if (before !== undefined && before.seconds.length >= FEW && spread(before.seconds).median > SLOW) continue;
      await way.before?.(n);
      await lab.registry.requests();
      lab.bytes();
      const ran = await way.run(n);
      const facts = before ?? { seconds: [], firsts: [], peaks: [], late: false, requests: 0, writes: 0, bytes: 0 };
      seen.set(way.name, facts);
      facts.late = ran.late;
      if (ran.late) continue;
      if (ran.code !== 0) throw new Error(`${way.name} ended with ${ran.code}: ${ran.output.slice(-2000)}`);
      const bytes = lab.bytes();
      // A run that does not go through the proxy has no bytes; then those of the first count.
      if (bytes > 0) facts.bytes = bytes;
      const requests = await lab.registry.requests();
      facts.requests = requests.length;
      facts.writes = requests.filter((r) => !['GET', 'HEAD'].includes(r.method)).length;
      if (n === 0) continue;
      facts.seconds.push(ran.seconds);
      facts.firsts.push(ran.first);
      facts.peaks.push(ran.peak);
    }
  }
  return seen;
}

export const COLUMNS = [
  'way',
  'median s',
  'p95 s',
  'limit',
  'requests',
  'of them writes',
  'kB at the registry',
  'time, requests, bytes: ours against it',
];

/**
 * @param ours the way that a way is compared with; undefined: it is ours
 * @param limit what was asked for, in words
 */
export function row(
  name: string,
  way: Way,
  seen: ReadonlyMap<string, Facts>,
  ours: string | undefined,
  limit = '',
): string[] {
  const facts = seen.get(way.name);
  if (facts === undefined) return [name, `n/a: ${way.missing ?? 'no run'}`, '', limit, '', '', '', ''];
  if (facts.late) return [name, `n/a (> ${LIMIT} s)`, '', limit, '', '', '', ''];
  const { median, p95 } = spread(facts.seconds);
  const mine = ours === undefined ? undefined : seen.get(ours);
  const against =
    mine === undefined || mine.late
      ? ''
      : [
          ratio(spread(mine.seconds).median, median),
          ratio(mine.requests, facts.requests),
          ratio(mine.bytes, facts.bytes),
        ].join(', ');
  return [
    name,
    median.toFixed(2),
    p95.toFixed(2),
    limit,
    String(facts.requests),
    String(facts.writes),
    (facts.bytes / 1000).toFixed(0),
    against,
  ];
}

async function countingProxy(port: number) {
  let bytes = 0;
  let late = 0;
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const target = connect(port, '127.0.0.1');
    const relay = (from: Socket, to: Socket, delayed: boolean): void => {
      open.add(from);
      from.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (delayed && late > 0) setTimeout(() => to.write(chunk), late);
        else if (!to.write(chunk)) {
          from.pause();
          to.once('drain', () => from.resume());
        }
      });
      from.on('end', () => setTimeout(() => to.end(), delayed ? late : 0));
      from.on('error', () => to.destroy());
      from.on('close', () => open.delete(from));
    };
    relay(client, target, false);
    relay(target, client, true);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    bytes(): number {
      const seen = bytes;
      bytes = 0;
      return seen;
    },
    delay(ms: number): void {
      late = ms;
    },
    async close(): Promise<void> {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
