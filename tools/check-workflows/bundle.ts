/** W09: a bundle is self-contained: licences beside it, no evaluated text, no network while it loads. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemExec } from '../../src/runner/index.ts';
import type { Problem } from './model.ts';

// A call, not a method of that name in a class or behind a dot; bundlers write `new Function` where they evaluate text.
const EVALUATES = /(?<![.\w])eval\((?![\w,]*\)\s*\{)|\bnew Function\(|\bvm\.runIn\w*\(/;

/**
 * Reads the files of one bundle.
 * @param known what it may evaluate, with a reason in the code that says so
 */
export function checkBundle(name: string, dir: string, known: readonly string[] = []): Problem[] {
  const problem = (message: string): Problem => ({ rule: 'W09', file: name, line: 1, message });
  const problems = existsSync(join(dir, 'licenses.txt')) ? [] : [problem('licenses.txt is not beside it')];
  for (const file of readdirSync(dir).filter((entry) => /\.[cm]?js$/.test(entry))) {
    const found = EVALUATES.exec(readFileSync(join(dir, file), 'utf8'));
    if (found !== null && !known.includes(found[0].trim()))
      problems.push(problem(`${file} evaluates text: ${found[0].trim()}`));
  }
  return problems;
}

// Loaded before the bundle: whatever leaves the process is refused and named on standard error.
const GUARD = `
import net from 'node:net';
import dgram from 'node:dgram';
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
const refuse = (what) => function () {
  process.stderr.write('W09 network: ' + what + '\\n');
  throw new Error('no network while a bundle loads');
};
net.Socket.prototype.connect = refuse('connect');
dgram.Socket.prototype.send = refuse('send');
dns.lookup = refuse('lookup');
dns.promises.lookup = refuse('lookup');
globalThis.fetch = refuse('fetch');
syncBuiltinESMExports();
`;

/**
 * Starts a bundle without any input, as a runner would, with the network shut: it must load and stop at its first input.
 * @param node default: this Node
 */
export async function checkLoad(name: string, dir: string, node: string = process.execPath): Promise<Problem[]> {
  const cwd = await mkdtemp(join(tmpdir(), 'load-'));
  try {
    const guard = `data:text/javascript,${encodeURIComponent(GUARD)}`;
    const done = await systemExec(node, ['--import', guard, join(dir, 'index.js')], {
      cwd,
      env: { PATH: process.env.PATH, HOME: cwd, RUNNER_TEMP: cwd },
      timeout: 60,
    });
    const problem = (message: string): Problem => ({ rule: 'W09', file: name, line: 1, message });
    const tried = /W09 network: (\w+)/.exec(done.stderrTail);
    if (tried !== null) return [problem(`${tried[1]} while it loads`)];
    if (done.code === null || /Cannot find (module|package)|ERR_MODULE_NOT_FOUND|SyntaxError/.test(done.stderrTail))
      return [problem(`does not load: ${done.stderrTail.trim().split('\n').at(-1) ?? done.signal}`)];
    return [];
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}
