/** Lists cut to a size: outputs have a limit, and a run that is green stays green over it. Pure. */

/** All outputs of a run together, names and values. */
export const MAX_OUTPUTS = 16 * 1024;

export function sizeOf(values: Readonly<Record<string, string | number | boolean>>): number {
  return Object.entries(values).reduce((sum, [name, value]) => sum + bytes(name) + bytes(String(value)), 0);
}

/** As many of the lines as fit. */
export function fitLines(lines: readonly string[], max: number): { text: string; cut: boolean } {
  let [count, size] = [0, -1];
  for (const line of lines) {
    size += bytes(line) + 1;
    if (size > max) break;
    count += 1;
  }
  return { text: lines.slice(0, count).join('\n'), cut: count < lines.length };
}

/**
 * Halves the largest of the lists until what is made of them fits, or nothing is left in any.
 * @param render gets the lists, and the names of those that are not whole
 */
export function fitLists<L extends Readonly<Record<string, readonly unknown[]>>>(
  whole: L,
  max: number,
  render: (lists: L, cut: readonly string[]) => string,
): { text: string; cut: string[] } {
  let lists = whole;
  const cut = new Set<string>();
  for (;;) {
    const text = render(lists, [...cut].sort());
    const [name] = Object.keys(lists)
      .filter((key) => lists[key]?.length !== 0)
      .sort((a, b) => bytes(JSON.stringify(lists[b])) - bytes(JSON.stringify(lists[a])));
    if (bytes(text) <= max || name === undefined) return { text, cut: [...cut].sort() };
    const list = lists[name] ?? [];
    lists = { ...lists, [name]: list.slice(0, Math.floor(list.length / 2)) };
    cut.add(name);
  }
}

function bytes(text: string): number {
  return Buffer.byteLength(text);
}
