/** One process of a step with all its channels: environment, command files, workflow commands. */
import { join } from 'node:path';
import { CommandReader } from './commands.ts';
import { commandFiles } from './files.ts';
import type { Machine } from './machine.ts';
import { CANCEL_TIMES, runProcess } from './process.ts';
import type { Sink } from './sink.ts';

export interface Execution {
  machine: Machine;
  sink: Sink;
  file: string;
  args: readonly string[];
  cwd: string;
  /** What the file and earlier steps say: env, inputs, state. GITHUB_* and RUNNER_* in it are ignored. */
  env: Readonly<Record<string, string>>;
  /** GITHUB_* of this step. */
  own: Readonly<Record<string, string>>;
  signal: AbortSignal;
}

export interface Executed {
  /** False on a non-zero exit, a signal, and on a command or file that could not be obeyed. */
  ok: boolean;
  exit: string;
  outputs: Record<string, string>;
  state: Record<string, string>;
}

/** Runs it and takes over what it wrote. GITHUB_ENV and GITHUB_PATH count for the steps after it. */
export async function execute(e: Execution): Promise<Executed> {
  const { machine, sink } = e;
  const files = await commandFiles(join(machine.temp, '_runner_file_commands'), machine.nextId());
  const outputs: Record<string, string> = {};
  const state: Record<string, string> = {};
  let failed = false;
  const fail = (message: string): void => {
    failed = true;
    sink.log(`##[error]${message}`);
    sink.annotate({ level: 'error', message });
  };
  const reader = new CommandReader({
    annotate: sink.annotate,
    addMask: machine.masker.add,
    setOutput: (name, value) => {
      outputs[name] = value;
    },
    saveState: (name, value) => {
      state[name] = value;
    },
    fail,
    print: sink.log,
  });
  const end = await runProcess({
    file: e.file,
    args: e.args,
    cwd: e.cwd,
    env: { ...environment(e), ...files.env },
    signal: e.signal,
    onStart: (pid) => machine.sessions.add(pid),
    cancel: machine.frame.options.cancelTimes ?? CANCEL_TIMES,
    onLine: (line) => reader.line(line),
  });
  const effects = await files.read();
  await files.remove();
  Object.assign(outputs, Object.fromEntries(effects.outputs));
  Object.assign(state, Object.fromEntries(effects.state));
  Object.assign(machine.env, Object.fromEntries(effects.env));
  for (const folder of effects.path) machine.path = [folder, ...machine.path.filter((other) => other !== folder)];
  if (effects.summary !== '') sink.summary(effects.summary);
  for (const message of effects.errors) fail(message);
  for (const message of effects.complaints) {
    sink.log(`##[error]${message}`);
    sink.annotate({ level: 'error', message });
  }
  const exit = end.code === null ? `signal ${end.signal ?? 'unknown'}` : `exit code ${end.code}`;
  return { ok: end.code === 0 && !failed, exit, outputs, state };
}

/** The machine's, over it the step's, over it what no step may change; what GITHUB_PATH holds stands before PATH. */
function environment(e: Execution): Record<string, string> {
  const { base, path } = e.machine;
  const free = Object.entries(e.env).filter(([name]) => !/^(GITHUB|RUNNER)_/.test(name));
  const env = { ...base, ...Object.fromEntries(free), ...e.own };
  return { ...env, PATH: [...path, env.PATH ?? ''].join(':') };
}

/** INPUT_<NAME> as @actions/core reads it: upper case, spaces as underscores, hyphens kept. */
export function inputEnv(inputs: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => [`INPUT_${name.replace(/ /g, '_').toUpperCase()}`, value]),
  );
}

export function stateEnv(state: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(state).map(([name, value]) => [`STATE_${name}`, value]));
}
