/** Pieces of the page: a section, what can be opened, a table that scrolls by itself. */
import { html } from '../../text/index.ts';

const { text } = html;

export function section(title: string, body: string): string {
  return `<section><h2>${text(title)}</h2>${body}</section>`;
}

export function details(title: string, body: string): string {
  return `<details><summary>${text(title)}</summary>${body}</details>`;
}

export function table(names: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (tag: 'th' | 'td', row: readonly string[]): string =>
    `<tr>${row.map((c) => `<${tag}>${text(c, 300)}</${tag}>`).join('')}</tr>`;
  return `<div class="scroll" tabindex="0" role="group" aria-label="${text(names.join(', '), 200)}"><table><thead>${cells('th', names)}</thead><tbody>${rows.map((r) => cells('td', r)).join('')}</tbody></table></div>`;
}
