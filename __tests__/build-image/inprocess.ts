/**
 * build-image within the test's process: a checkout, a registry, and engines that are functions. For what needs hundreds
 * of runs, or time that nobody waits for.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { runBuildah } from '../../lab/engine/commands.ts';
import { type RegistryHandle, type RegistryOptions, startRegistry } from '../../lab/registry/server.ts';
import { parseBuildInputs } from '../../src/build-image/inputs.ts';
import { outputsOf } from '../../src/build-image/outputs.ts';
import type { Progress, Result } from '../../src/build-image/result.ts';
import { run } from '../../src/build-image/run.ts';
import { openHttp } from '../../src/http/index.ts';
import { Registry } from '../../src/oci/index.ts';
import {
  ActionError,
  type Clock,
  Deadline,
  type Exec,
  type ExecResult,
  fakeClock,
  memoryLog,
} from '../../src/runner/index.ts';

export interface Outcome {
  /** Code of the error; undefined: green. */
  code: string | undefined;
  message: string;
  outputs: Record<string, string | number | boolean>;
  warnings: string[];
  progress: Progress;
  result: Result | undefined;
  log: string;
  slept: readonly number[];
}

export interface Inside extends AsyncDisposable {
  lab: RegistryHandle;
  image: string;
  workspace: string;
  /** Every program that was started, with its arguments. */
  ran: string[][];
  /** Takes the place of an engine's program. */
  programs: Map<string, Exec>;
  write(files: Record<string, string>): Promise<void>;
  run(inputs?: Record<string, string>, env?: Record<string, string>, clock?: Clock): Promise<Outcome>;
}

/** What a program ended with. */
export function ended(code: number | null, stdout = '', stderr = ''): ExecResult {
  return {
    code,
    signal: code === null ? 'SIGKILL' : null,
    stdout: Buffer.from(stdout),
    stderr: Buffer.from(stderr),
    stdoutTail: stdout,
    stderrTail: stderr,
    truncated: false,
    timedOut: false,
  };
}

const REVISION = '0123456789abcdef0123456789abcdef01234567';

/**
 * A checkout of one small service at REVISION; the engine is the stand-in for buildah.
 * @param shared a registry of another one, which outlives this one
 */
export async function inside(options: RegistryOptions = {}, shared?: RegistryHandle): Promise<Inside> {
  const lab = shared ?? (await startRegistry(options));
  const root = await mkdtemp(join(tmpdir(), 'build-image-inside-'));
  const [workspace, store, temp] = [join(root, 'ws'), join(root, 'store'), join(root, 'temp')];
  for (const folder of [workspace, store, temp]) await mkdir(folder);
  const image = `${lab.host}/o/app`;
  const programs = new Map<string, Exec>();
  const ran: string[][] = [];
  programs.set('buildah', async (_file, args, o) => {
    if (args[0] === 'version') return ended(0, 'Version:         1.33.0\n');
    if (args[0] === 'info') return ended(0, '{}');
    const lines: string[] = [];
    const complaints: string[] = [];
    const code = await runBuildah(args, {
      store,
      print: (line) => void lines.push(line),
      complain: (line) => void complaints.push(line),
    });
    for (const line of [...lines, ...complaints]) o?.onLine?.(line, 'stdout');
    return ended(code, lines.join('\n'), complaints.join('\n'));
  });
  const exec: Exec = async (file, args, o) => {
    ran.push([file, ...args]);
    const program = programs.get(file);
    if (program === undefined) throw Object.assign(new Error(`spawn ${file} ENOENT`), { code: 'ENOENT' });
    return program(file, args, o);
  };
  let random = 0;
  const self: Inside = {
    lab,
    image,
    workspace,
    ran,
    programs,
    async write(files) {
      for (const [name, text] of Object.entries(files)) {
        await mkdir(dirname(join(workspace, name)), { recursive: true });
        await writeFile(join(workspace, name), text);
      }
    },
    async run(inputs = {}, extra = {}, given) {
      const fake = fakeClock();
      const clock = given ?? fake;
      const env: Record<string, string> = {
        GITHUB_WORKSPACE: workspace,
        GITHUB_SHA: REVISION,
        RUNNER_TEMP: temp,
        HOME: root,
        ...extra,
        ...Object.fromEntries(
          Object.entries({ image, ...inputs }).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]),
        ),
      };
      const log = memoryLog();
      const progress: Progress = { states: [], seconds: {}, warnings: [] };
      const http = openHttp();
      using deadline = new Deadline(3600, clock);
      const outcome = (r: Partial<Outcome>): Outcome => ({
        code: undefined,
        message: '',
        outputs: {},
        warnings: log.annotations.filter((a) => a.level === 'warning').map((a) => a.code ?? ''),
        progress,
        result: undefined,
        log: [...log.lines, ...log.annotations.map((a) => a.message)].join('\n'),
        slept: fake.slept,
        ...r,
      });
      try {
        const parsed = parseBuildInputs(env);
        const registries = new Map<string, Registry>();
        const registryFor = (host: string): Registry => {
          const { retries } = parsed;
          const credentials = parsed.logins.get(host);
          const made =
            registries.get(host) ??
            new Registry(host, { http, clock, deadline, retries, credentials, random: () => 0.5 });
          registries.set(host, made);
          return made;
        };
        const ports = {
          log,
          exec,
          clock,
          deadline,
          env,
          registryFor,
          loginFor: async (host: string) => parsed.logins.get(host),
          installBuildx: async () => '/opt/docker-buildx',
          randomHex(bytes: number) {
            random += 1;
            return random.toString(16).padStart(bytes * 2, '0');
          },
        };
        const result = await run(parsed, ports, progress);
        return outcome({ result, outputs: outputsOf(parsed, result, progress).values });
      } catch (error) {
        if (!(error instanceof ActionError)) throw error;
        return outcome({ code: error.code, message: error.message });
      } finally {
        await http.close();
      }
    },
    async [Symbol.asyncDispose]() {
      if (shared === undefined) await lab.close();
      await rm(root, { recursive: true, force: true });
    },
  };
  await self.write({ Dockerfile: 'FROM scratch\nCOPY app /app\n', '.dockerignore': '.git\n', 'app/main.txt': 'one\n' });
  return self;
}

/** Another commit, by the event: the checkout of these tests has no .git. */
export const commit = (n: number): { GITHUB_SHA: string } => ({
  GITHUB_SHA: n.toString(16).padStart(8, '0').padEnd(40, '0'),
});
