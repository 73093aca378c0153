/** The repositories of the demo, made of examples/: the service, its config repository, their rules. */
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { parseDocument } from 'yaml';
import type { Forge } from '../forge/server.ts';
import type { Strategy } from './options.ts';

export const SERVICE = 'org/histogram-eq';
export const CONFIG = 'org/helm-histogram-eq';
export const ACTIONS = 'org/actions';
export const APP = 'histogram-eq';
export const VALUES_FILE = 'env/production/values.yaml';
/** The App that the ruleset of the config repository names in `bypass_actors`: nobody else writes there. */
export const CONFIG_APP = '1';

export interface SeedOptions {
  root: string;
  forge: Forge;
  /** `host/repository` of the service's image. */
  image: string;
  strategy: Strategy;
  /** Further keys of the caller's `with:`, replacing those of the example. */
  caller: Readonly<Record<string, string | boolean>>;
  /** Token of somebody who may set rules. */
  admin: string;
}

type Files = Record<string, string | Buffer>;

/** Creates both repositories and their rulesets. @returns paths of the bare repositories */
export async function seedRepositories(o: SeedOptions): Promise<{ service: string; config: string }> {
  const service = await readTree(join(o.root, 'examples/histogram-eq'));
  const caller = '.github/workflows/deliver.yml';
  service[caller] = withKeys(String(service[caller]), { image: o.image, ...o.caller });
  service['.canary.yaml'] = await readFile(join(o.root, 'lab/demo/canary.yaml'));
  const config = await readTree(join(o.root, 'examples/helm-histogram-eq'));
  config[VALUES_FILE] = valuesFor(String(config[VALUES_FILE]), o.image, o.strategy);
  const made = {
    service: (await o.forge.createRepository(SERVICE, { files: service })).path,
    config: (await o.forge.createRepository(CONFIG, { files: config })).path,
  };
  await addRuleset(o, SERVICE, String(service['.github/rulesets/golden-rule.json']));
  await addRuleset(o, CONFIG, String(config['.github/rulesets/config.json']));
  return made;
}

async function readTree(dir: string): Promise<Files> {
  const files: Files = {};
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    const path = relative(dir, join(entry.parentPath, entry.name));
    // What a local test run leaves behind belongs to no repository.
    if (!entry.isFile() || /(^|\/)(__pycache__|\.pytest_cache|\.coverage[^/]*|\.venv)(\/|$)/.test(path)) continue;
    files[path] = await readFile(join(dir, path));
  }
  return files;
}

/** Sets keys under `jobs.deliver.with` and leaves the rest of the text alone. */
function withKeys(text: string, keys: Readonly<Record<string, string | boolean>>): string {
  const document = parseDocument(text);
  for (const [key, value] of Object.entries(keys)) document.setIn(['jobs', 'deliver', 'with', key], value);
  return document.toString({ lineWidth: 0 });
}

/** Value path of the image that gets the requests. */
export function stablePath(strategy: Strategy, values: string): readonly string[] {
  if (strategy !== 'blueGreen') return ['image'];
  return ['blueGreen', String(parseDocument(values).getIn(['blueGreen', 'active'])), 'image'];
}

/** One machine is a small cluster: one master and one worker a version. */
export function valuesFor(text: string, image: string, strategy: Strategy): string {
  const document = parseDocument(text);
  document.setIn(['strategy'], strategy);
  document.setIn(['image', 'repository'], image);
  if (strategy === 'blueGreen') {
    // CI edits keys that are there; the defaults of the chart are no part of the file.
    const empty = { repository: image, tag: '', digest: '', revision: '' };
    document.set(
      'blueGreen',
      document.createNode(
        { active: 'blue', blue: { image: empty }, green: { image: empty } },
        { aliasDuplicateObjects: false },
      ),
    );
  }
  document.setIn(['master', 'replicas'], 1);
  document.setIn(['worker', 'replicas'], 1);
  return document.toString({ lineWidth: 0 });
}

async function addRuleset(o: SeedOptions, repository: string, body: string): Promise<void> {
  const response = await fetch(`${o.forge.apiUrl}/repos/${repository}/rulesets`, {
    method: 'POST',
    headers: { authorization: `Bearer ${o.admin}` },
    body,
  });
  if (response.status !== 201)
    throw new Error(`ruleset of ${repository}: HTTP ${response.status} ${await response.text()}`);
}
