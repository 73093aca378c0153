/** Without a rules file: rules and versions are found in Prometheus, from a namespace and the name of the application. */
import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { openPrometheus } from './collect/promql.ts';
import { parseMatchers } from './collect/selector.ts';
import { type CanaryConfig, parseConfig, readConfig } from './config.ts';
import type { Inputs } from './inputs.ts';
import { cannotWrite } from './output.ts';
import type { Ports } from './run.ts';

/** Name of the file beside the reports: to be read, changed and kept. */
const FOUND = 'canary.yaml';

/**
 * The rules, from their file or found, and the inputs with the matchers of both versions.
 * @param folder that the found rules are written to
 * @throws ActionError E_DISCOVERY, and what reading the file throws
 */
export async function findRules(
  inputs: Inputs,
  workspace: string,
  folder: string,
  ports: Ports,
): Promise<{ inputs: Inputs; config: CanaryConfig }> {
  const path = resolve(workspace, inputs.configFile);
  const { source, namespace } = inputs;
  const rulesExist = namespace === '' || existsSync(path);
  const armsKnown = source.kind !== 'prometheus' || source.stable.length > 0;
  if (source.kind !== 'prometheus' || (rulesExist && armsKnown))
    return { inputs, config: await readConfig(path, inputs.configFile) };
  const http = ports.openHttp({ plainHttp: inputs.plainHttp });
  try {
    const client = openPrometheus(http, source.url, source.headers, ports.clock);
    const arms = armsKnown ? { stable: source.stable, canary: source.canary } : null;
    // Rarely needed, and it brings a writer of YAML along.
    const { discover } = await import(/* webpackMode: "eager" */ './collect/discover.ts');
    const found = await discover(client, { namespace, app: inputs.app, arms }, ports.signal);
    await ports.log.group('discovery', async () => {
      for (const line of found.found) ports.log.info(line);
      ports.log.info(found.rules);
    });
    if (!rulesExist) write(join(folder, FOUND), found.rules);
    return {
      inputs: armsKnown
        ? inputs
        : {
            ...inputs,
            source: { ...source, stable: parseMatchers(found.stable), canary: parseMatchers(found.canary) },
          },
      config: rulesExist ? await readConfig(path, inputs.configFile) : parseConfig(found.rules, FOUND),
    };
  } finally {
    await http.close();
  }
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw cannotWrite(error);
  }
}
