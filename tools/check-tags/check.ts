/** What a rule that makes tags of names must keep: every tag valid, no two names with one tag. */
import { isTag } from '../../src/oci/index.ts';

export interface Verdict {
  names: number;
  /** Names that were changed, the rest are their own tags. */
  changed: number;
  invalid: number;
  collisions: number;
  /** The first few that are wrong, in words. */
  examples: string[];
}

const EXAMPLES = 10;

/** @param names no two alike */
export function checkTags(names: Iterable<string>, toTag: (raw: string) => string): Verdict {
  const verdict: Verdict = { names: 0, changed: 0, invalid: 0, collisions: 0, examples: [] };
  const owners = new Map<string, string>();
  const wrong = (text: string): void => {
    if (verdict.examples.length < EXAMPLES) verdict.examples.push(text);
  };
  for (const name of names) {
    const tag = toTag(name);
    verdict.names += 1;
    if (tag !== name) verdict.changed += 1;
    if (!isTag(tag)) {
      verdict.invalid += 1;
      wrong(`${JSON.stringify(name)} gives ${JSON.stringify(tag)}, which is no tag`);
    }
    const other = owners.get(tag);
    if (other === undefined) owners.set(tag, name);
    else {
      verdict.collisions += 1;
      wrong(`${JSON.stringify(name)} and ${JSON.stringify(other)} both give ${JSON.stringify(tag)}`);
    }
  }
  return verdict;
}
