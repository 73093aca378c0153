/** Runs an action as a runner does: a Node process, INPUT_* variables, the GITHUB_* files. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemExec } from '../../src/runner/index.ts';

export const root = join(import.meta.dirname, '../..');

export interface ActionResult {
  code: number | null;
  /** Standard output and error, as a runner would show them. */
  log: string;
  outputs: Record<string, string>;
  summary: string;
}

export interface ActionOptions {
  cwd?: string;
  env?: Record<string, string>;
  signal?: AbortSignal;
  /** Seconds until it is ended (default 240: below the limit of a test). */
  timeout?: number;
  /** Default: this Node. */
  node?: string;
  /** Default: the source, src/<name>/main.ts. */
  entry?: string;
}

/**
 * @param name the action
 * @param inputs by kebab-case name
 */
export async function runAction(
  name: string,
  inputs: Record<string, string>,
  options: ActionOptions = {},
): Promise<ActionResult> {
  const temp = await mkdtemp(join(tmpdir(), `${name}-`));
  try {
    const files = { GITHUB_OUTPUT: join(temp, 'output'), GITHUB_STEP_SUMMARY: join(temp, 'summary') };
    const entry = options.entry ?? join(root, 'src', name, 'main.ts');
    const result = await systemExec(
      options.node ?? process.execPath,
      ['--disable-warning=ExperimentalWarning', entry],
      {
        cwd: options.cwd ?? temp,
        env: {
          PATH: process.env.PATH,
          // A start from source compiles a hundred files: once, not in every test.
          NODE_COMPILE_CACHE: join(root, '.lab/compile-cache'),
          HOME: temp,
          RUNNER_TEMP: temp,
          GITHUB_WORKSPACE: options.cwd ?? temp,
          ...files,
          ...options.env,
          ...Object.fromEntries(Object.entries(inputs).map(([key, value]) => [`INPUT_${key.toUpperCase()}`, value])),
        },
        ...(options.signal ? { signal: options.signal } : {}),
        timeout: options.timeout ?? 240,
      },
    );
    const text = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');
    return {
      code: result.code,
      log: result.stdoutTail + result.stderrTail,
      outputs: parseOutputs(await text(files.GITHUB_OUTPUT)),
      summary: await text(files.GITHUB_STEP_SUMMARY),
    };
  } finally {
    await rm(temp, { recursive: true, force: true });
  }
}

/** The file form of outputs: `name<<delimiter`, lines, `delimiter`. */
export function parseOutputs(text: string): Record<string, string> {
  const outputs: Record<string, string> = {};
  const lines = text.split('\n');
  for (let i = 0; i < lines.length; i += 1) {
    const match = /^([^<]+)<<(.+)$/.exec(lines[i] ?? '');
    if (match === null) continue;
    const [, name = '', delimiter = ''] = match;
    const value: string[] = [];
    for (i += 1; i < lines.length && lines[i] !== delimiter; i += 1) value.push(lines[i] ?? '');
    outputs[name] = value.join('\n');
  }
  return outputs;
}
