/** Base images -> digests. What was hashed is what gets built, on every engine. */
import { type Digest, type ImageRef, mapLimited, nameOf, RegistryError } from '../oci/index.ts';
import { ActionError } from '../runner/index.ts';
import type { Dockerfile } from './dockerfile.ts';
import type { RegistryFor } from './ports.ts';

export interface ResolvedBase {
  /** Fully qualified, with tag when one was written. */
  name: string;
  digest: Digest | undefined;
  /** It carries its digest in the Dockerfile. */
  pinned: boolean;
  line: number;
  /** Index of the reference in the Dockerfile; -1 for an image that is a named context. */
  reference: number;
  /** Set when the reference names another image on each platform. */
  platform?: string;
  /** ID of the image in the local store of the engine, when no registry gave a digest. Never proven, never an output. */
  local?: Digest;
  /** Why there is no digest. */
  problem?: string;
}

type Resolved = Pick<ResolvedBase, 'name' | 'digest' | 'pinned' | 'problem'>;

const AT_ONCE = 8;

/** One entry for each base reference of the file, in its order, and for each platform where they differ. */
export async function resolveBases(file: Dockerfile, registryFor: RegistryFor): Promise<ResolvedBase[]> {
  const wanted = file.bases.flatMap((base, reference) => {
    const variants: { ref: ImageRef | undefined; platform?: string }[] = base.variants ?? [{ ref: base.ref }];
    return variants.map(({ ref, platform }) => ({ base, reference, ref, platform }));
  });
  const asked = new Map<string, Promise<Resolved>>();
  return mapLimited(wanted, AT_ONCE, async ({ base, reference, ref, platform }) => {
    const key = ref === undefined ? base.written : fullName(ref);
    const known = asked.get(key) ?? (ref === undefined ? unknown(base.written) : resolveRef(ref, registryFor));
    asked.set(key, known);
    return { ...(await known), line: base.line, reference, ...(platform === undefined ? {} : { platform }) };
  });
}

async function unknown(written: string): Promise<Resolved> {
  const problem = 'its name depends on a variable that is not known';
  return { name: written, digest: undefined, pinned: false, problem };
}

/** Asks the registry which digest the tag names. A registry that does not say is a problem, not an error. */
export async function resolveRef(ref: ImageRef, registryFor: RegistryFor): Promise<Resolved> {
  const name = `${nameOf(ref)}${ref.tag === undefined ? '' : `:${ref.tag}`}`;
  if (ref.digest !== undefined) return { name, digest: ref.digest, pinned: true };
  try {
    const head = await registryFor(ref.host).head(ref.repository, ref.tag ?? 'latest');
    if (head !== undefined) return { name, digest: head.digest, pinned: false };
    return { name, digest: undefined, pinned: false, problem: 'its registry does not know it' };
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    return { name, digest: undefined, pinned: false, problem: error.facts.why };
  }
}

function fullName(ref: ImageRef): string {
  return `${nameOf(ref)}:${ref.tag ?? ''}@${ref.digest ?? ''}`;
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
