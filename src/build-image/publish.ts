/** Tags: written only when every registry serves the proven image; an immutable one is never moved. */
import { type Digest, type ImageName, nameOf, RegistryError } from '../oci/index.ts';
import { ActionError, type ErrorFacts } from '../runner/index.ts';
import { copyImage } from './copy.ts';
import { type Found, nextTagAction } from './decide.ts';
import type { Plan } from './plan.ts';
import type { Ports } from './ports.ts';
import { findIn, type Located } from './probe.ts';

export type State = 'created' | 'moved' | 'already' | 'adopted' | 'failed' | 'skipped';

export interface TagState {
  image: string;
  tag: string;
  digest: Digest;
  state: State;
}

export interface Published {
  located: Located;
  states: TagState[];
  adopted: boolean;
}

interface WantedTag {
  tag: string;
  immutable: boolean;
}

const LAG_SECONDS = 20;

/** Another run of the same source was first with an immutable tag. */
class Adopt extends Error {
  readonly located: Located;

  constructor(located: Located) {
    super('adopt');
    this.located = located;
  }
}

/** @throws ActionError E_TAG_CONFLICT, E_TAG_MOVED, E_PARTIAL, or of the copy */
export async function publish(
  start: Located,
  images: readonly ImageName[],
  staging: readonly string[],
  plan: Plan,
  platform: string,
  ports: Ports,
): Promise<Published> {
  const [own] = staging;
  const first: WantedTag[] = own === undefined ? [] : [{ tag: own, immutable: false }];
  const tags = [...first, ...plan.tags.filter((t) => t.immutable), ...plan.tags.filter((t) => !t.immutable)];
  let located = start;
  for (let adopted = false; ; adopted = true) {
    for (const image of images) {
      if (nameOf(image) !== nameOf(located.image)) {
        await copyImage(located.image, image, located.inspected, ports.registryFor);
      }
    }
    const states: TagState[] = [];
    try {
      for (const image of images)
        for (const tag of tags) await setTag(located, image, tag, plan, platform, ports, states);
      if (adopted) for (const state of states) if (state.state === 'already') state.state = 'adopted';
      return { located, states, adopted };
    } catch (error) {
      if (error instanceof Adopt && !adopted) located = error.located;
      else throw partial(error, states);
    }
  }
}

async function setTag(
  located: Located,
  image: ImageName,
  wanted: WantedTag,
  plan: Plan,
  platform: string,
  ports: Ports,
  states: TagState[],
): Promise<void> {
  const registry = ports.registryFor(image.host);
  const { digest, manifest } = located.inspected;
  const add = (state: State): void => void states.push({ image: nameOf(image), tag: wanted.tag, digest, state });
  for (let again = false; ; again = true) {
    const head = await registry.head(image.repository, wanted.tag);
    const found = await relate(image, head?.digest, digest, wanted.immutable, plan, platform, ports);
    const action = nextTagAction(found?.found, wanted.immutable, digest);
    if (action === 'already') return add('already');
    if (action === 'conflict' && found !== undefined) throw conflict(image, wanted.tag, found.found);
    if (action === 'adopt' && found?.located !== undefined) throw new Adopt(found.located);
    try {
      await registry.putManifest(image.repository, wanted.tag, manifest);
    } catch (error) {
      const refused = error instanceof RegistryError && error.status >= 400 && error.status < 500;
      if (!refused || error.code !== 'E_REGISTRY') throw error;
      if (wanted.immutable && !again) continue;
      const why = wanted.immutable ? error.facts.why : `this registry forbids moving tags (${error.facts.why})`;
      const fix = 'Exempt moving tags from immutability in the registry, or drop the rule';
      throw new ActionError('E_TAG_CONFLICT', { what: `${nameOf(image)}:${wanted.tag}`, why, fix, cause: error });
    }
    await readBack(located, image, wanted, plan, platform, ports);
    return add(head === undefined ? 'created' : 'moved');
  }
}

interface Related {
  found: Found;
  located: Located | undefined;
}

async function relate(
  image: ImageName,
  there: Digest | undefined,
  digest: Digest,
  immutable: boolean,
  plan: Plan,
  platform: string,
  ports: Ports,
): Promise<Related | undefined> {
  if (there === undefined) return undefined;
  // What a moving tag or our own digest names needs no closer look.
  if (there === digest || !immutable) return { found: { digest: there, relation: 'foreign' }, located: undefined };
  const map = new Map<Digest, Located>();
  const found = await findIn(image, there, plan, platform, ports, map);
  return { found, located: map.get(there) };
}

async function readBack(
  located: Located,
  image: ImageName,
  wanted: WantedTag,
  plan: Plan,
  platform: string,
  ports: Ports,
): Promise<void> {
  const registry = ports.registryFor(image.host);
  const { digest } = located.inspected;
  const before = ports.clock.now();
  let seen: Digest | undefined;
  for (let wait = 0.25; ; wait = Math.min(4, wait * 2)) {
    seen = (await registry.head(image.repository, wanted.tag))?.digest;
    if (seen === digest) return;
    if (ports.clock.now() - before + wait > LAG_SECONDS) break;
    await ports.clock.sleep(wait, ports.deadline.signal);
  }
  const name = `${nameOf(image)}:${wanted.tag}`;
  if (seen === undefined) return ports.log.warning('W_TAG_LAG', `${name} was accepted, but is not served yet`);
  if (!wanted.immutable) return ports.log.warning('W_TAG_TAKEN', `${name} names ${seen} now: someone pushed later`);
  const related = await relate(image, seen, digest, true, plan, platform, ports);
  if (related?.located !== undefined && related.found.relation !== 'foreign') throw new Adopt(related.located);
  throw new ActionError('E_TAG_MOVED', {
    what: name,
    why: `it was written as ${digest}, and names ${seen} now`,
    fix: 'Find out who else writes this tag, and switch tag immutability on in the registry',
  });
}

export function conflict(image: ImageName, tag: string, found: Found): ActionError {
  const built = found.revision === undefined ? 'without a revision label' : `built at ${found.revision}`;
  const what = found.relation === 'unsound' ? 'a damaged image' : 'another image';
  return new ActionError('E_TAG_CONFLICT', {
    what: `${nameOf(image)}:${tag}`,
    why: `this tag is immutable and names ${what}, ${found.digest}, ${built}`,
    fix: 'Use a new version or commit; delete the tag only when nobody runs it',
  });
}

/** An error after the first tag was written says what is live. */
function partial(error: unknown, states: readonly TagState[]): unknown {
  const live = states.filter((s) => s.state !== 'already');
  if (live.length === 0 || !(error instanceof ActionError) || error.code === 'E_CANCELLED') return error;
  if (error.code === 'E_TAG_CONFLICT' || error.code === 'E_TAG_MOVED') return error;
  const list = live.map((s) => `${s.image}:${s.tag}`).join(', ');
  const facts: ErrorFacts = {
    what: 'tags',
    why: `${error.message} Live already: ${list}`,
    fix: 'Run again, which completes it',
  };
  return new ActionError('E_PARTIAL', { ...facts, cause: error });
}
