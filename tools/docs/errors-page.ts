/** Section `errors` of docs/errors.md: every code of the suite with its exact texts, and where its cause is explained. Pure. */
import type { Message } from './messages.ts';

/** A hand-written page whose headings `#### CODE` say what a code means and what to do. */
export interface CodePage {
  /** What the link says: the action. */
  title: string;
  /** Path from the root. */
  path: string;
  text: string;
}

/** Texts of one code that are shown; whoever meets another one finds it by its code all the same. */
const MAX_TEXTS = 12;

/** The codes a page explains, in its order. */
export function explainedCodes(page: string): string[] {
  return [...page.matchAll(/^#### ([EW]_[A-Z0-9_]+)$/gm)].map((match) => match[1] ?? '');
}

/** @param from folder of the page that is written, with a `/` at its end */
export function errorsSection(messages: readonly Message[], pages: readonly CodePage[], from: string): string {
  const codes = new Set([...messages.map((m) => m.code), ...pages.flatMap((page) => explainedCodes(page.text))]);
  const sections = [...codes].sort().map((code) => {
    const links = pages
      .filter((page) => explainedCodes(page.text).includes(code))
      .map((page) => `[${page.title}](${linkTo(page.path, from)}#${code.toLowerCase()})`);
    const texts = [...new Set(messages.filter((m) => m.code === code).map((m) => m.text))].sort();
    const shown = texts.slice(0, MAX_TEXTS);
    const more = texts.length > shown.length ? [`… and ${texts.length - shown.length} more of this kind`] : [];
    const said = shown.length === 0 ? [] : ['```text', ...shown, ...more, '```', ''];
    return [`### ${code}`, '', `Cause and what to do: ${links.join(', ')}`, '', ...said].join('\n').trimEnd();
  });
  return `\n${sections.join('\n\n')}\n`;
}

function linkTo(path: string, from: string): string {
  return path.startsWith(from) ? path.slice(from.length) : `../${path}`;
}
