/** Bases that no registry tells of, but that the engine of this machine has: made here, or pulled while there was a network. */
import { ActionError } from '../runner/index.ts';
import type { ResolvedBase } from './bases.ts';
import type { Dockerfile } from './dockerfile.ts';
import { openHome } from './engine-home.ts';
import { wishOf } from './engine-wish.ts';
import { ask, type Detect, detectEngine } from './engines/detect.ts';
import type { BuildInputs } from './inputs.ts';
import type { Ports } from './ports.ts';

/**
 * Asks the engine that would build for what has no digest. It is asked only then: an answer of the registry needs none.
 * Not for several platforms: a local store holds one, and the others would come from somewhere else.
 */
export async function addLocal(
  bases: readonly ResolvedBase[],
  file: Dockerfile,
  inputs: BuildInputs,
  ports: Ports,
): Promise<ResolvedBase[]> {
  const nameOf = (base: ResolvedBase): string | undefined => {
    const written = file.bases[base.reference];
    // The front end of BuildKit is none of the local images.
    return base.digest !== undefined || written?.syntax ? undefined : written?.expanded;
  };
  const names = inputs.platforms.length > 1 ? [] : bases.flatMap((base) => nameOf(base) ?? []);
  if (names.length === 0) return [...bases];
  const ids = await localIds([...new Set(names)], inputs, ports);
  return bases.map((base) => {
    const id = ids.get(nameOf(base) ?? '');
    return id === undefined ? base : { ...base, local: id };
  });
}

type Ids = ReadonlyMap<string, NonNullable<ResolvedBase['local']>>;

async function localIds(names: readonly string[], inputs: BuildInputs, ports: Ports): Promise<Ids> {
  const { exec, log, deadline } = ports;
  await using home = await openHome(new Map(), undefined, ports);
  try {
    const wish = await wishOf(inputs, home, ports);
    const questions: Pick<Detect, 'exec' | 'env' | 'signal'> = { exec, env: home.env, signal: deadline.signal };
    const engine = await detectEngine({ ...questions, wish, wake: false, note: (text) => log.debug(text) });
    const found = await Promise.all(
      names.map(async (name) => {
        const id = await engine.localImage?.(name, (program, args) => ask(questions, program, args));
        return id === undefined ? [] : [[name, id] as const];
      }),
    );
    return new Map(found.flat());
  } catch (error) {
    // No engine, no local images; an image that is there already is used all the same.
    if (!(error instanceof ActionError) || deadline.signal.aborted) throw error;
    log.debug(`local images: ${error.message}`);
    return new Map();
  }
}
