/** The models generated from the OpenAPI of Kubernetes and from the CRDs: run-time validators, and types for a compiler. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { systemExec } from '../../../src/runner/index.ts';
import { type Manifest, ROOT } from './support.ts';

/** apiVersion/kind -> module that exports the class `Kind` and the interface `IKind`. */
const MODULES: Readonly<Record<string, string>> = {
  'apps/v1/Deployment': 'kubernetes-models/apps/v1/Deployment',
  'autoscaling/v2/HorizontalPodAutoscaler': 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler',
  'gateway.networking.k8s.io/v1/HTTPRoute': '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/HTTPRoute',
  'monitoring.coreos.com/v1/ServiceMonitor':
    '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor',
  'networking.k8s.io/v1/NetworkPolicy': 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy',
  'policy/v1/PodDisruptionBudget': 'kubernetes-models/policy/v1/PodDisruptionBudget',
  'v1/ConfigMap': 'kubernetes-models/v1/ConfigMap',
  'v1/Service': 'kubernetes-models/v1/Service',
  'v1/ServiceAccount': 'kubernetes-models/v1/ServiceAccount',
  'argoproj.io/v1alpha1/AppProject': '@kubernetes-models/argo-cd/argoproj.io/v1alpha1/AppProject',
  'argoproj.io/v1alpha1/Application': '@kubernetes-models/argo-cd/argoproj.io/v1alpha1/Application',
  'argoproj.io/v1alpha1/AnalysisTemplate': '@kubernetes-models/argo-rollouts/argoproj.io/v1alpha1/AnalysisTemplate',
  'argoproj.io/v1alpha1/Rollout': '@kubernetes-models/argo-rollouts/argoproj.io/v1alpha1/Rollout',
  'argoproj.io/v1alpha1/ApplicationSet': '@kubernetes-models/argo-cd/argoproj.io/v1alpha1/ApplicationSet',
};

interface ModelClass {
  new (data: Manifest): { validate(): void };
}

/** Checks types, required keys and ranges; it lets unknown keys pass. Throws what is wrong. */
export async function validate(manifest: Manifest): Promise<void> {
  const module = (await import(moduleOf(manifest))) as Record<string, ModelClass>;
  const model = module[manifest.kind];
  if (model === undefined) throw new Error(`${moduleOf(manifest)} has no ${manifest.kind}`);
  new model(manifest).validate();
}

/**
 * Compiles the manifests as literals with `satisfies`: this is what finds unknown keys.
 * @returns for each manifest the first complaint of the compiler, or ''
 */
export async function typeCheck(manifests: readonly Manifest[]): Promise<string[]> {
  await mkdir(path.join(ROOT, '.lab'), { recursive: true });
  // Inside the repository, so that the compiler finds node_modules.
  const folder = await mkdtemp(path.join(ROOT, '.lab', 'chart-types-'));
  try {
    const types = new Map(manifests.map((manifest) => [moduleOf(manifest), manifest.kind]));
    const imports = [...types].map(([module, kind]) => `import type { I${kind} } from '${module}';`);
    const literals = manifests.map(
      (manifest) => `export default (${JSON.stringify(manifest)}) satisfies I${manifest.kind};`,
    );
    const files = literals.map((literal, index) => [`m${index}.ts`, `${imports.join('\n')}\n${literal}\n`] as const);
    await Promise.all(files.map(([name, text]) => writeFile(path.join(folder, name), text)));
    const compilerOptions = {
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      module: 'nodenext',
      target: 'es2023',
      types: [],
    };
    await writeFile(path.join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
    const tsc = path.join(ROOT, 'node_modules/typescript/bin/tsc');
    const result = await systemExec(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], {
      cwd: folder,
      timeout: 240,
    });
    return complaints(result.stdout.toString('utf8'), manifests.length, result.code);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function complaints(output: string, count: number, code: number | null): string[] {
  const found = Array.from({ length: count }, () => '');
  for (const line of output.split('\n')) {
    const match = /^m(\d+)\.ts\(\d+,\d+\): (error .*)$/.exec(line);
    if (match !== null) found[Number(match[1])] ||= match[2] ?? '';
  }
  // A compiler that failed for another reason must not look like "no complaint".
  if (code !== 0 && found.every((text) => text === ''))
    throw new Error(`tsc ended with ${code}: ${output.slice(0, 500)}`);
  return found;
}

function moduleOf(manifest: Manifest): string {
  const module = MODULES[`${manifest.apiVersion}/${manifest.kind}`];
  if (module === undefined) throw new Error(`no model is known for ${manifest.apiVersion} ${manifest.kind}`);
  return module;
}
