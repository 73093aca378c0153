/** The build context and the named ones beside it, as they go into the key and to the engine. */
import { realpath, stat } from 'node:fs/promises';
import type { Digest } from '../oci/index.ts';
import { inputError } from '../runner/index.ts';
import { type ResolvedBase, resolveRef } from './bases.ts';
import { type ContextFacts, hashContext } from './context.ts';
import { type BuildFiles, inside } from './files.ts';
import { compileIgnore } from './ignore.ts';
import type { BuildInputs } from './inputs.ts';
import type { RegistryFor } from './ports.ts';

export interface HashedContexts {
  main: ContextFacts;
  /** `name -> what it holds`, for S. */
  keyed: [string, string][];
  /** `name -> folder or docker-image://name@digest`, for the engine. */
  engine: [string, string][];
  /** Images among them: their digests belong into K. */
  bases: ResolvedBase[];
}

const EVERYTHING = compileIgnore('');

/** @throws ActionError E_PATH_ESCAPE, E_PATH_MISSING, E_CONTEXT_ENTRY, E_INPUT (a named context that is a file) */
export async function hashContexts(
  inputs: BuildInputs,
  files: BuildFiles,
  registryFor: RegistryFor,
): Promise<HashedContexts> {
  const root = await realpath(inputs.workspace);
  const [main, ...named] = await Promise.all([
    hashContext(files.context, compileIgnore(files.ignoreText, files.ignoreName)),
    ...inputs.buildContexts.map(async ({ name, source }) => {
      if ('ref' in source) {
        const base = await resolveRef(source.ref, registryFor);
        return { name, base: { ...base, line: 0, reference: -1 } };
      }
      const folder = await inside(root, source.path, `input build-contexts, ${name}`);
      if (!(await stat(folder)).isDirectory()) {
        throw inputError([{ input: 'build-contexts', problem: `${name} is no folder` }]);
      }
      // The engines differ in which ignore file they apply to it: everything counts.
      return { name, folder, digest: (await hashContext(folder, EVERYTHING)).digest };
    }),
  ]);
  const result: HashedContexts = { main, keyed: [], engine: [], bases: [] };
  for (const one of named) {
    const { base } = one;
    if (base !== undefined) {
      result.bases.push(base);
      result.keyed.push([one.name, `docker-image://${base.name}`]);
      result.engine.push([one.name, `docker-image://${pinnedName(base)}`]);
    } else {
      result.keyed.push([one.name, one.digest]);
      result.engine.push([one.name, one.folder]);
    }
  }
  return result;
}

function pinnedName({ name, digest }: { name: string; digest: Digest | undefined }): string {
  return digest === undefined ? name : `${name.replace(/:[^/:]+$/, '')}@${digest}`;
}
