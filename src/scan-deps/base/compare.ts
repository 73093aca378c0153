/** A change against its base: what to ask about the base beside the checkout, and what the answers mean. */
import { type Judged, keyOf, knownIn } from '../judge.ts';
import { baselineOf } from '../policy/diff.ts';
import type { Answer, Dep, Ecosystem, Notice } from '../types.ts';
import type { BaseSide } from './side.ts';

export interface Comparison {
  /** Packages of the base that the answer depends on. */
  deps: Dep[];
  /** @param answers one a package of `deps`, in order */
  judge(answers: readonly Answer[], kind: 'api' | 'database'): { baseline: Baseline; notices: Notice[] };
}

export type Baseline = (finding: Judged) => 'new' | 'existing';

const MAX_NAMED = 20;

/**
 * Only packages that the checkout still has are asked about: what is gone can be neither new nor old.
 * @param asked the packages of the checkout that are asked about
 */
export function compareWith(side: BaseSide, asked: readonly Dep[], isPrivate: (dep: Dep) => boolean): Comparison {
  const nameOf = (dep: { eco: Ecosystem; key: string }): string => JSON.stringify([dep.eco, dep.key]);
  const names = new Set(asked.map(nameOf));
  const deps = side.deps.filter((dep) => dep.source === 'registry' && names.has(nameOf(dep)) && !isPrivate(dep));
  return {
    deps,
    judge(answers, kind) {
      const open = new Set(
        deps.filter((_, i) => !('records' in (answers[i] ?? {}))).map((d) => JSON.stringify(keyOf(d))),
      );
      const notices = side.unread.slice(0, MAX_NAMED).map((file, i): Notice => {
        const more =
          i === MAX_NAMED - 1 && side.unread.length > MAX_NAMED ? `; ${side.unread.length - MAX_NAMED} more` : '';
        const message = `the base's ${file} could not be read, or not whole: what stands in it counts as new${more}`;
        return { code: 'W_BASE_UNREAD', message };
      });
      if (open.size > 0) {
        const message = `${open.size} packages of the base were not answered: what is known of them counts as new`;
        notices.push({ code: 'W_BASE_UNREAD', message });
      }
      return { baseline: baselineOf(knownIn(deps, answers, kind)), notices };
    },
  };
}
