/** Base images -> digests. What was hashed is what gets built, on every engine. */
import { type Digest, nameOf, RegistryError } from '../oci/index.ts';
import { ActionError } from '../runner/index.ts';
import type { BaseRef, Dockerfile } from './dockerfile.ts';
import type { RegistryFor } from './ports.ts';

export interface ResolvedBase {
  /** Fully qualified, with tag when one was written. */
  name: string;
  digest: Digest | undefined;
  /** It carries its digest in the Dockerfile. */
  pinned: boolean;
  line: number;
  /** Why there is no digest. */
  problem?: string;
}

/** One entry for each base reference of the file, in its order; each name is asked for once. */
export async function resolveBases(file: Dockerfile, registryFor: RegistryFor): Promise<ResolvedBase[]> {
  const asked = new Map<string, Promise<ResolvedBase>>();
  return Promise.all(
    file.bases.map(async (base) => {
      const known = asked.get(base.written) ?? resolve(base, registryFor);
      asked.set(base.written, known);
      return { ...(await known), line: base.line };
    }),
  );
}

async function resolve(base: BaseRef, registryFor: RegistryFor): Promise<ResolvedBase> {
  const { ref, line } = base;
  if (ref === undefined) {
    return {
      name: base.written,
      digest: undefined,
      pinned: false,
      line,
      problem: 'its name depends on a variable that is not known',
    };
  }
  const name = `${nameOf(ref)}${ref.tag === undefined ? '' : `:${ref.tag}`}`;
  if (ref.digest !== undefined) return { name, digest: ref.digest, pinned: true, line };
  try {
    const head = await registryFor(ref.host).head(ref.repository, ref.tag ?? 'latest');
    if (head !== undefined) return { name, digest: head.digest, pinned: false, line };
    return { name, digest: undefined, pinned: false, line, problem: 'its registry does not know it' };
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    return { name, digest: undefined, pinned: false, line, problem: error.facts.why };
  }
}

/** @throws ActionError E_UNPINNED_BASE with the line and the digest to paste */
export function requirePinned(bases: readonly ResolvedBase[], file: string): void {
  const loose = bases.find((b) => !b.pinned);
  if (loose === undefined) return;
  const advice = loose.digest === undefined ? 'Pin it by digest' : `Write ${loose.name}@${loose.digest}`;
  throw new ActionError('E_UNPINNED_BASE', {
    what: `${file} line ${loose.line}`,
    why: `the base ${loose.name} carries no digest, and require-pinned-base is set`,
    fix: advice,
    at: { file, line: loose.line },
  });
}
