/** helm as a child process that reaches nothing: no cluster, no other machine, no settings of a user. */
import path from 'node:path';
import type { Env, ExecResult } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';

/** Nothing listens on port 9: a chart, or a schema that refers to an address, reaches no other machine. */
const NOWHERE = 'http://127.0.0.1:9';
const MAX_WORDS = 600;

/**
 * The whole environment of helm.
 * @param folder for its home and temporary files
 * @param env of this process, for PATH alone
 */
export function sealedEnv(folder: string, env: Env): Env {
  const home = path.join(folder, 'home');
  return {
    PATH: env.PATH,
    LC_ALL: 'C',
    HOME: home,
    TMPDIR: folder,
    HELM_CACHE_HOME: path.join(home, 'cache'),
    HELM_CONFIG_HOME: path.join(home, 'config'),
    HELM_DATA_HOME: path.join(home, 'data'),
    HELM_PLUGINS: path.join(home, 'plugins'),
    KUBECONFIG: path.join(home, 'kubeconfig'),
    HTTP_PROXY: NOWHERE,
    HTTPS_PROXY: NOWHERE,
    http_proxy: NOWHERE,
    https_proxy: NOWHERE,
  };
}

/** @returns arguments that name the values files, relative to the working directory. helm splits each at commas, as CSV does. */
export function valuesArgs(files: readonly string[]): string[] {
  return files.flatMap((file) => ['--values', csv(`./${file}`)]);
}

function csv(text: string): string {
  return /[",]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

/** What helm says at its end: from its last `Error:` on, without its advice to run it again by hand. */
export function lastWords(result: ExecResult): string {
  const text = `\n${result.stderrTail.trim()}`;
  const last = text.slice(Math.max(0, text.lastIndexOf('\nError:'))).trim();
  const said = last.replace(/^Error:\s*/, '').replace(/\s*Use --debug flag to render out invalid YAML$/, '');
  return oneLine(said, MAX_WORDS) || `helm ended with ${result.code ?? result.signal}`;
}
