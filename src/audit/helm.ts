/** The manifests that the config repository asks for: its chart at one commit, rendered by helm without a cluster. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { lastWords, sealedEnv, valuesArgs } from '../helm/index.ts';
import { mapLimited } from '../oci/index.ts';
import type { Deadline, Env, Exec, ExecResult } from '../runner/index.ts';
import type { Forge, TreeFile } from './forge.ts';

export interface HelmPorts {
  exec: Exec;
  env: Env;
  /** The program: a path, or `helm` for the one on PATH. */
  helm: string;
  /** Folder for temporary files. */
  temp: string;
  deadline: Deadline;
}

export type RenderAnswer =
  | { kind: 'rendered'; manifests: string; chart: string }
  /** There is nothing to render. */
  | { kind: 'missing'; why: string }
  /** It does not render, in helm's words. */
  | { kind: 'refused'; why: string; chart: string }
  | { kind: 'no-helm' };

const MAX_FILES = 1000;
const MAX_BYTES = 16 * 1024 * 1024;
const SECONDS = 60;

/** Folder of the chart that a values file belongs to: the nearest one above it; undefined when there is none. '' is the root. */
export function chartOf(files: readonly TreeFile[], valuesFile: string): string | undefined {
  const charts = new Set(
    files.flatMap(({ path: file }) =>
      file === 'Chart.yaml' ? [''] : file.endsWith('/Chart.yaml') ? [file.slice(0, -'/Chart.yaml'.length)] : [],
    ),
  );
  for (let folder = valuesFile; folder !== ''; ) {
    folder = folder.includes('/') ? folder.slice(0, folder.lastIndexOf('/')) : '';
    if (charts.has(folder)) return folder;
  }
  return undefined;
}

/** @param values files in helm's order: later ones win */
export async function render(
  forge: Forge,
  commit: string,
  values: readonly string[],
  ports: HelmPorts,
): Promise<RenderAnswer> {
  const all = (await forge.files(commit)) ?? [];
  const lost = values.find((file) => !all.some((one) => one.path === file));
  if (lost !== undefined) return { kind: 'missing', why: `there is no file ${lost}` };
  const chart = chartOf(all, values.at(-1) ?? '');
  if (chart === undefined) return { kind: 'missing', why: 'there is no Chart.yaml in a folder above the values file' };
  const wanted = all.filter((one) => chart === '' || one.path.startsWith(`${chart}/`) || values.includes(one.path));
  const odd = wanted.find((one) => !/^100(644|755|664)$/.test(one.mode));
  if (odd !== undefined) return { kind: 'missing', why: `${odd.path} is no plain file, and links are not followed` };
  if (wanted.length > MAX_FILES) return { kind: 'missing', why: `its chart has more than ${MAX_FILES} files` };
  // mkdtemp makes it for us alone (0700): values may hold what not everybody on the machine should read.
  const folder = await mkdtemp(path.join(ports.temp, 'audit-'));
  try {
    const root = path.join(folder, 'repository');
    const problem = await write(root, wanted, forge);
    if (problem !== undefined) return { kind: 'missing', why: problem };
    const result = await template(folder, root, chart, values, ports);
    if (result === undefined) return { kind: 'no-helm' };
    if (result.timedOut) return { kind: 'refused', why: `helm did not end within ${SECONDS} s`, chart };
    if (result.truncated) return { kind: 'refused', why: 'what it renders is too large', chart };
    if (result.code !== 0) return { kind: 'refused', why: lastWords(result), chart };
    return { kind: 'rendered', manifests: result.stdout.toString('utf8'), chart };
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** @returns why the files cannot be laid out */
async function write(root: string, files: readonly TreeFile[], forge: Forge): Promise<string | undefined> {
  await mkdir(root, { recursive: true });
  let bytes = 0;
  const problems = await mapLimited(files, 4, async (file): Promise<string[]> => {
    const target = path.join(root, ...file.path.split('/'));
    if (!target.startsWith(root + path.sep)) return [`${file.path} leaves the folder`];
    const content = await forge.blob(file.sha);
    bytes += content.length;
    if (bytes > MAX_BYTES) return ['its chart is too large'];
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(target, content);
    return [];
  });
  return problems.flat()[0];
}

async function template(
  folder: string,
  root: string,
  chart: string,
  values: readonly string[],
  { exec, env, helm, deadline }: HelmPorts,
): Promise<ExecResult | undefined> {
  try {
    const { signal } = deadline;
    const options = { cwd: root, env: sealedEnv(folder, env), signal, timeout: SECONDS };
    const result = await exec(helm, ['template', 'audit', `./${chart}`, ...valuesArgs(values)], options);
    if (signal.aborted) throw signal.reason;
    return result;
  } catch (error) {
    if (['ENOENT', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
