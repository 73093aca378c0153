/** Tags: written only when every registry serves the proven image; an immutable one is never moved. */
import { type Digest, type Head, type ImageName, nameOf, RegistryError } from '../oci/index.ts';
import { ActionError, type ErrorFacts } from '../runner/index.ts';
import { copyImage } from './copy.ts';
import { type Found, nextTagAction } from './decide.ts';
import type { Planned } from './facts.ts';
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
  adopted: boolean;
}

interface WantedTag {
  tag: string;
  kind: 'staging' | 'immutable' | 'moving';
}

export interface Publication {
  start: Located;
  images: readonly ImageName[];
  /** Staging tag to write in each image; undefined: none. */
  staging: string | undefined;
  plan: Planned;
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

/**
 * Copies the image to every other repository, then writes the tags.
 * @param states filled as the tags are set, so that a failure can say what is live
 * @throws ActionError E_TAG_CONFLICT, E_TAG_MOVED, E_PARTIAL, or of the copy
 */
export async function publish(p: Publication, states: TagState[], ports: Ports): Promise<Published> {
  const first: WantedTag[] = p.staging === undefined ? [] : [{ tag: p.staging, kind: 'staging' }];
  const planned = p.plan.tags.filter((t) => t.tag !== p.staging);
  const tags: WantedTag[] = [
    ...first,
    ...planned.filter((t) => t.immutable).map(({ tag }): WantedTag => ({ tag, kind: 'immutable' })),
    ...planned.filter((t) => !t.immutable).map(({ tag }): WantedTag => ({ tag, kind: 'moving' })),
  ];
  const wanted = p.images.flatMap((image) => tags.map((tag) => ({ image, ...tag })));
  let located = p.start;
  for (let adopted = false; ; adopted = true) {
    for (const image of p.images) {
      if (nameOf(image) !== nameOf(located.image)) {
        await copyImage(located.image, image, located.inspected, ports.registryFor);
      }
    }
    states.splice(0);
    try {
      // One round trip for all looks. What was seen may be old by its turn, which is why a refused or raced write looks again.
      const heads = await Promise.all(wanted.map(({ image, tag }) => headOf(image, tag, ports)));
      for (const [i, want] of wanted.entries()) await setTag(located, want, heads[i], p.plan, ports, states);
      if (adopted) for (const state of states) if (state.state === 'already') state.state = 'adopted';
      return { located, adopted };
    } catch (error) {
      if (!(error instanceof Adopt) || adopted) throw failed(error, located, wanted, states);
      located = error.located;
    }
  }
}

function headOf(image: ImageName, tag: string, ports: Ports): Promise<Head | undefined> {
  return ports.registryFor(image.host).head(image.repository, tag);
}

type Wanted = WantedTag & { image: ImageName };

async function setTag(
  located: Located,
  wanted: Wanted,
  seen: Head | undefined,
  plan: Planned,
  ports: Ports,
  states: TagState[],
): Promise<void> {
  const { image, tag, kind } = wanted;
  const { digest, manifest } = located.inspected;
  const name = `${nameOf(image)}:${tag}`;
  const add = (state: State): void => void states.push({ image: nameOf(image), tag, digest, state });
  // For an immutable tag the look right before the write is what keeps the open moment to one round trip.
  let head = seen?.digest !== digest && kind === 'immutable' ? await headOf(image, tag, ports) : seen;
  for (let again = false; ; again = true) {
    const found = await relate(wanted, head?.digest, digest, plan, ports);
    const action = nextTagAction(found?.found, kind === 'immutable', digest);
    if (action === 'already') return add('already');
    if (action === 'conflict' && found !== undefined) throw conflict(image, tag, found.found);
    if (action === 'adopt' && found?.located !== undefined) throw new Adopt(found.located);
    try {
      const before = kind === 'immutable' ? (head?.digest ?? 'absent') : undefined;
      await ports.registryFor(image.host).putManifest(image.repository, tag, manifest, before);
    } catch (error) {
      const refused = error instanceof RegistryError && error.status >= 400 && error.status < 500;
      if (!refused || (error.code !== 'E_REGISTRY' && error.code !== 'E_DENIED')) throw error;
      if (kind === 'immutable' && !again) {
        const now = await headOf(image, tag, ports);
        // Some registries answer 403 to replacing a tag: only when there is none it is the login that has no right.
        if (error.code === 'E_DENIED' && now === undefined) throw error;
        head = now;
        continue;
      }
      if (error.code === 'E_DENIED' && (kind !== 'staging' || head === undefined)) throw error;
      // A registry that forbids moving any tag keeps the staging tag it has: the image is there all the same.
      if (kind === 'staging') return add('skipped');
      const why = kind === 'immutable' ? error.facts.why : `this registry forbids moving tags (${error.facts.why})`;
      const fix = 'Exempt moving tags from immutability in the registry, or drop the rule';
      throw new ActionError('E_TAG_CONFLICT', { what: name, why, fix, cause: error });
    }
    await readBack(located, wanted, head?.digest, plan, ports);
    return add(head === undefined ? 'created' : 'moved');
  }
}

interface Related {
  found: Found;
  located: Located | undefined;
}

async function relate(
  { image, kind }: Wanted,
  there: Digest | undefined,
  digest: Digest,
  plan: Planned,
  ports: Ports,
): Promise<Related | undefined> {
  if (there === undefined) return undefined;
  // What a moving tag or our own digest names needs no closer look.
  if (there === digest || kind !== 'immutable') {
    return { found: { digest: there, relation: 'foreign' }, located: undefined };
  }
  const map = new Map<Digest, Located>();
  const found = await findIn(image, there, plan, ports, map);
  return { found, located: map.get(there) };
}

async function readBack(
  located: Located,
  wanted: Wanted,
  before: Digest | undefined,
  plan: Planned,
  ports: Ports,
): Promise<void> {
  const { image, tag, kind } = wanted;
  const { digest } = located.inspected;
  const start = ports.clock.now();
  let seen: Digest | undefined;
  for (let wait = 0.25; ; wait = Math.min(4, wait * 2)) {
    seen = (await headOf(image, tag, ports))?.digest;
    if (seen === digest) return;
    if (ports.clock.now() - start + wait > LAG_SECONDS) break;
    await ports.clock.sleep(wait, ports.deadline.signal);
  }
  const name = `${nameOf(image)}:${tag}`;
  if (seen === undefined || seen === before) {
    return ports.log.warning('W_TAG_LAG', `${name} was accepted, but is not served yet`);
  }
  if (kind !== 'immutable') {
    return ports.log.warning('W_TAG_TAKEN', `${name} names ${seen} now: someone pushed later`);
  }
  const related = await relate(wanted, seen, digest, plan, ports);
  const same = related?.found.relation === 'ours' || related?.found.relation === 'same-source';
  if (same && related?.located !== undefined) throw new Adopt(related.located);
  throw new ActionError('E_TAG_MOVED', {
    what: name,
    why: `it was written as ${digest}, and names ${seen} now`,
    fix: 'Find out who else writes this tag, and switch tag immutability on in the registry',
  });
}

export function conflict(image: ImageName, tag: string, found: Found, why?: string): ActionError {
  const built = found.revision === undefined ? 'without a revision label' : `built at ${found.revision}`;
  const what = found.relation === 'unsound' ? 'a damaged image' : 'another image';
  return new ActionError('E_TAG_CONFLICT', {
    what: `${nameOf(image)}:${tag}`,
    why: why ?? `this tag is immutable and names ${what}, ${found.digest}, ${built}`,
    fix: 'Use a new version or commit; delete the tag only when nobody runs it',
  });
}

/** Marks the tag that failed and those that were not tried; after the first one was written the error says what is live. */
function failed(error: unknown, located: Located, wanted: readonly Wanted[], states: TagState[]): unknown {
  const live = states.filter((s) => s.state === 'created' || s.state === 'moved');
  for (const [i, { image, tag }] of wanted.slice(states.length).entries()) {
    const state = i === 0 ? 'failed' : 'skipped';
    states.push({ image: nameOf(image), tag, digest: located.inspected.digest, state });
  }
  if (error instanceof Adopt) {
    const what = `${nameOf(error.located.image)}@${error.located.inspected.digest}`;
    const why = 'a third image of this source appeared while the second one was taken over';
    return new ActionError('E_TAG_MOVED', { what, why, fix: 'Let one run at a time write this tag, then run again' });
  }
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
