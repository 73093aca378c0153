/** The audit at the end of the demo: the shipped program, asked about what runs now. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemExec } from '../../src/runner/index.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { podListJson } from '../cluster/views.ts';
import type { AuditFact } from '../report/facts.ts';
import { CONFIG, SERVICE } from './seed.ts';
import type { World } from './world.ts';

const SECONDS = 120;

/**
 * @param digest that was delivered: in blueGreen the old version runs too
 * @throws Error when the program says nothing that can be read
 */
export async function auditPods(root: string, world: World, cluster: Cluster, digest: string): Promise<AuditFact[]> {
  const file = join(world.workDir, 'pods.json');
  await writeFile(file, JSON.stringify(podListJson(cluster.pods())));
  const token = world.forge.createToken({
    permissions: { contents: 'read', actions: 'read', attestations: 'read' },
    repositories: [SERVICE, CONFIG],
    login: 'auditor',
  });
  const program = join(root, 'dist/audit/index.js');
  const what = ['--pod-json', file, '--digest', digest];
  const asked = [...what, '--image', world.image, '--config-repository', CONFIG, '--json'];
  const result = await systemExec(process.execPath, [program, ...asked], {
    env: {
      PATH: process.env.PATH,
      HOME: world.workDir,
      RUNNER_TEMP: world.workDir,
      GITHUB_API_URL: world.forge.apiUrl,
      GH_TOKEN: token,
      AUDIT_HELM: world.helm,
    },
    timeout: SECONDS,
  });
  try {
    return (JSON.parse(result.stdout.toString()) as { links: AuditFact[] }).links;
  } catch (error) {
    throw new Error(`audit ended with ${result.code}: ${result.stderrTail.trim()}`, { cause: error });
  }
}
