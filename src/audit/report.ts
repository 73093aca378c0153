/** The chain for people and for programs. Everything in it may come from strangers, and is made inert here. */
import { oneLine } from '../text/index.ts';
import type { Verdict } from './judge.ts';
import type { Link } from './links.ts';

const NAME = 12;
const STATUS = 11;
const MAX_VALUE = 300;

/** One aligned line a link: name, status, why, evidence. */
export function renderLines(links: readonly Link[], hide: (text: string) => string): string[] {
  return links.map(({ name, status, why, evidence }) => {
    const seen = evidence.filter(([, value]) => value !== '').map(([key, value]) => `${key} ${clean(value)}`);
    const text = [...(why === '' ? [] : [clean(why)]), ...seen].join('; ');
    return hide(`${name.padEnd(NAME)} ${status.padEnd(STATUS)} ${text}`.trimEnd());
  });
}

export function renderJson(links: readonly Link[], verdict: Verdict, hide: (text: string) => string): string {
  const safe = (text: string): string => hide(clean(text));
  return JSON.stringify(
    {
      verdict: verdict.verdict,
      exit: verdict.exit,
      broken: verdict.broken?.name ?? null,
      code: verdict.code ?? null,
      links: links.map(({ name, status, why, evidence }) => ({
        name,
        status,
        why: safe(why),
        evidence: evidence.map(([key, value]) => ({ name: key, value: safe(value) })),
      })),
    },
    null,
    2,
  );
}

const FIX = 'Read what the line of this link shows, and src/audit/README.md under the code';

/** The one line that names the first broken link; '' when none is. */
export function renderError({ broken, code }: Verdict, hide: (text: string) => string): string {
  if (broken === undefined || code === undefined) return '';
  return hide(`audit: link ${broken.name}: ${clean(broken.why)}. ${FIX}. [${code}]`);
}

function clean(text: string): string {
  // In the log of a runner `##[` is a command wherever it stands.
  return oneLine(text, MAX_VALUE).replace(/##\[/g, '## [');
}
