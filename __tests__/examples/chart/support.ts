/** Renders the sample chart with real helm. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { CORE_SCHEMA, loadAll } from 'js-yaml';
import { systemExec } from '../../../src/runner/index.ts';
import { ensureHelm } from '../../../tools/helm/index.ts';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
export const CHART = path.join(ROOT, 'examples/helm-histogram-eq');
export const STABLE = `sha256:${'a'.repeat(64)}`;
export const CANARY = `sha256:${'b'.repeat(64)}`;
export const REVISION = 'c'.repeat(40);

export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  [key: string]: unknown;
}

/** The values of one delivery, as `--set` pairs: a stable version, and a canary when a weight is given. */
export function delivered(weight?: number): string[] {
  const stable = ['image.tag=v1', `image.digest=${STABLE}`, `image.revision=${REVISION}`];
  const canary = ['canary.image.tag=v2', `canary.image.digest=${CANARY}`, `canary.weight=${weight}`];
  return weight === undefined ? stable : [...stable, ...canary];
}

/** The two slots of blueGreen, `active` first; a slot may be empty. */
export function slots(active: 'blue' | 'green', images: { blue?: string; green?: string }): string[] {
  const slot = (name: 'blue' | 'green', digest: string | undefined): string[] =>
    digest === undefined ? [] : [`blueGreen.${name}.image.tag=${name}-1`, `blueGreen.${name}.image.digest=${digest}`];
  return [
    'strategy=blueGreen',
    `blueGreen.active=${active}`,
    ...slot('blue', images.blue),
    ...slot('green', images.green),
  ];
}

export interface HelmResult {
  code: number | null;
  manifests: Manifest[];
  stdout: string;
  stderr: string;
}

/** Runs `helm template`; a red end is a result too. */
export async function render(environment: string | undefined, sets: readonly string[] = []): Promise<HelmResult> {
  const result = await helm(['template', 'histogram-eq', CHART, ...valueArgs(environment, sets)]);
  return { ...result, manifests: result.code === 0 ? parse(result.stdout) : [] };
}

export async function lint(environment: string, sets: readonly string[]): Promise<HelmResult> {
  return { ...(await helm(['lint', '--strict', CHART, ...valueArgs(environment, sets)])), manifests: [] };
}

/** Every document of a YAML stream. */
export function parse(text: string): Manifest[] {
  const documents: unknown[] = [];
  loadAll(text, (document) => documents.push(document), { schema: CORE_SCHEMA });
  return documents.filter((document): document is Manifest => typeof document === 'object' && document !== null);
}

export function find(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const found = manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  if (found === undefined) throw new Error(`no ${kind} ${name} among ${names(manifests).join(', ')}`);
  return found;
}

/** `Kind/name` of each, sorted. */
export function names(manifests: readonly Manifest[], kind?: string): string[] {
  return manifests
    .filter((manifest) => kind === undefined || manifest.kind === kind)
    .map((manifest) => `${manifest.kind}/${manifest.metadata.name}`)
    .sort();
}

/** A value deep in a manifest, by keys and indexes joined by dots. */
export function at(manifest: unknown, dotted: string): unknown {
  let here = manifest;
  for (const key of dotted.split('.')) {
    here = typeof here === 'object' && here !== null ? (here as Record<string, unknown>)[key] : undefined;
  }
  return here;
}

function valueArgs(environment: string | undefined, sets: readonly string[]): string[] {
  const file = environment === undefined ? [] : ['--values', path.join(CHART, 'env', environment, 'values.yaml')];
  // Texts of the chart stay texts, whatever they look like (a tag may be "1.10").
  const isText = (pair: string): boolean =>
    /^(image|canary\.image|blueGreen\.(blue|green)\.image|env|settings)\./.test(pair);
  const typed = sets.flatMap((pair) => [isText(pair) ? '--set-string' : '--set', pair]);
  return [...file, ...typed];
}

async function helm(args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const file = await ensureHelm(path.join(ROOT, '.lab'));
  // No configuration of the person who runs the tests may change what is rendered.
  const env = {
    PATH: process.env.PATH,
    HELM_CONFIG_HOME: '/nonexistent',
    HELM_CACHE_HOME: '/nonexistent',
    HELM_DATA_HOME: '/nonexistent',
  };
  const result = await systemExec(file, args, { env, timeout: 240 });
  return { code: result.code, stdout: result.stdout.toString('utf8'), stderr: result.stderr.toString('utf8') };
}
