/** A stage of a Dockerfile: what its FROM brings, and what has been added to it since. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { From } from 'dockerfile-ast';
import { expand } from '../../src/build-image/expand.ts';
import { type Descriptor, parseRef } from '../../src/oci/index.ts';
import { withRegistry } from './push.ts';
import type { TarEntry } from './tar.ts';

export interface BuildOptions {
  store: string;
  context: string;
  dockerfile: string;
  ignore: string;
  platform: string;
  target: string;
  args: ReadonlyMap<string, string>;
  labels: readonly [string, string][];
  annotations: readonly [string, string][];
  /** Named contexts: a folder, or docker-image://name@digest. */
  contexts: ReadonlyMap<string, string>;
  created: Date;
  print(line: string): void;
}

interface Config {
  User?: string;
  Env?: string[];
  Entrypoint?: string[];
  Cmd?: string[];
  WorkingDir?: string;
  Labels?: Record<string, string>;
  ExposedPorts?: Record<string, object>;
}

export interface Stage {
  name: string;
  base: { layers: Descriptor[]; diffIds: string[] };
  /** What this stage has added, by path. */
  files: Map<string, TarEntry>;
  config: Config;
  history: { created_by: string; empty_layer: boolean }[];
  variables: Map<string, string>;
}

/** An earlier stage by its name, nothing for `scratch`, or an image whose layers are fetched into the store. */
export async function openStage(
  from: From,
  stages: readonly Stage[],
  globals: ReadonlyMap<string, string>,
  o: BuildOptions,
): Promise<Stage> {
  const image = expand(from.getImage() ?? '', globals) ?? '';
  const name = from.getBuildStage() ?? '';
  const parent = stages.findLast((s) => s.name !== '' && s.name === image);
  if (parent !== undefined) {
    const { base, files, config, history, variables } = parent;
    return {
      name,
      base,
      files: new Map(files),
      config: structuredClone(config),
      history: [...history],
      variables: new Map(variables),
    };
  }
  const empty: Stage = {
    name,
    base: { layers: [], diffIds: [] },
    files: new Map(),
    config: {},
    history: [],
    variables: new Map(),
  };
  if (image === 'scratch') return empty;
  const ref = parseRef(o.contexts.get(image)?.replace(/^docker-image:\/\//, '') ?? image);
  if (ref === undefined) throw new Error(`no image reference: ${image}`);
  return withRegistry(ref.host, '', async (registry) => {
    const manifest = await registry.getManifest(ref.repository, ref.digest ?? ref.tag ?? 'latest');
    if (manifest?.kind !== 'manifest') throw new Error(`${image}: not found, or not a single image`);
    const bytes = await registry.blobBytes(ref.repository, manifest.config, 1 << 23);
    const config = JSON.parse(bytes.toString('utf8')) as { config?: Config; rootfs?: { diff_ids?: string[] } };
    for (const layer of manifest.layers) {
      await writeFile(join(o.store, layer.digest), await registry.blobBytes(ref.repository, layer, 1 << 30));
    }
    const base = { layers: manifest.layers, diffIds: config.rootfs?.diff_ids ?? [] };
    const variables = new Map((config.config?.Env ?? []).map((e): [string, string] => split(e)));
    return { ...empty, base, config: structuredClone(config.config ?? {}), variables };
  });
}

/** At the first `=`; without one the second part is empty. */
export function split(text: string): [string, string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
