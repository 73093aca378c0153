/** Value paths: `canary.image.tag`, `containers[0].image`, `containers[name=web].image`. No wildcards: an edit names its target. */
import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';

export type Step = { key: string } | { index: number } | { where: readonly [key: string, value: string] };
export type ValuePath = readonly Step[];

const MAX_LENGTH = 512;
const MAX_STEPS = 32;

/** @throws ActionError E_PATH_SYNTAX with the position of the first bad character */
export function parsePath(text: string): ValuePath {
  const bad = (at: number, why: string): ActionError =>
    new ActionError('E_PATH_SYNTAX', {
      what: `value path "${oneLine(text, 120)}"`,
      why: `${why} at character ${at + 1}`,
      fix: 'Write keys joined by dots, list items as [0] or [name=web]; escape . [ ] \\ in a key by \\',
    });
  if (text === '') throw bad(0, 'it is empty');
  if (text.length > MAX_LENGTH) throw bad(MAX_LENGTH, `it is longer than ${MAX_LENGTH} characters`);
  const steps: Step[] = [];
  let at = 0;
  while (at < text.length) {
    if (text[at] === '[') {
      const end = text.indexOf(']', at);
      if (end < 0) throw bad(at, 'a [ is not closed');
      const inside = text.slice(at + 1, end);
      const item = /^(\d{1,9})$/.exec(inside) ?? /^([^=[\]\\]+)=([^[\]\\]*)$/.exec(inside);
      if (item === null) throw bad(at, 'an index is neither a number nor key=value');
      steps.push(item[2] === undefined ? { index: Number(item[1]) } : { where: [item[1] ?? '', item[2]] });
      at = end + 1;
    } else {
      if (steps.length > 0) {
        if (text[at] !== '.') throw bad(at, 'a dot is missing');
        at += 1;
      }
      const start = at;
      let key = '';
      for (; at < text.length && text[at] !== '.' && text[at] !== '['; at += 1) {
        let c = text[at] ?? '';
        if (c === '\\') {
          at += 1;
          c = text[at] ?? '';
          if (!'.[]\\'.includes(c) || c === '') throw bad(at - 1, 'a \\ escapes nothing');
        } else if (c === ']') throw bad(at, 'a ] was never opened');
        if (/[\u0000-\u001f\u007f-\u009f]/.test(c)) throw bad(at, 'a control character');
        key += c;
      }
      if (at === start) throw bad(at, 'a key is empty');
      steps.push({ key });
    }
    if (steps.length > MAX_STEPS) throw bad(at, `it has more than ${MAX_STEPS} steps`);
  }
  return steps;
}

/** The one spelling of a path; parsePath(formatPath(p)) is p. */
export function formatPath(path: ValuePath): string {
  return path
    .map((step, i) => {
      if ('index' in step) return `[${step.index}]`;
      if ('where' in step) return `[${step.where[0]}=${step.where[1]}]`;
      return `${i === 0 ? '' : '.'}${step.key.replace(/[.[\]\\]/g, '\\$&')}`;
    })
    .join('');
}
