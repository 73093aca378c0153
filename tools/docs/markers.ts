/**
 * Replaces what stands between `<!-- generated:NAME -->` and `<!-- /generated -->`.
 * @param sections text by name; a name that is not there is an error, so that no table goes stale unseen
 */
export function fillMarkers(page: string, sections: ReadonlyMap<string, string>, where: string): string {
  return page.replace(
    /(<!-- generated:([a-z0-9.:-]+) -->\n)[\s\S]*?(<!-- \/generated -->)/g,
    (_all, open: string, name: string, close: string) => {
      const text = sections.get(name);
      if (text === undefined) throw new Error(`${where}: there is nothing to generate for the marker "${name}"`);
      return `${open}${text}${text === '' ? '' : '\n'}${close}`;
    },
  );
}
