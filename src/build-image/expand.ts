/**
 * Variables in a FROM: `$V`, `${V}`, `${V:-default}`, `${V-default}`, `${V:+other}`, `${V+other}`.
 * @returns undefined when something in it is not known here
 */
export function expand(text: string, known: ReadonlyMap<string, string>): string | undefined {
  const bare = /^(["'])(.*)\1$/s.exec(text)?.[2] ?? text;
  let complete = true;
  const result = bare.replace(
    /\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:(:?[-+])([^}]*))?\})/g,
    (_all, plain: string | undefined, braced: string | undefined, operator: string | undefined, word: string = '') => {
      const value = known.get(plain ?? braced ?? '');
      const set = operator?.startsWith(':') ? value !== undefined && value !== '' : value !== undefined;
      if (operator?.endsWith('+')) return set ? word : '';
      if (set) return value ?? '';
      if (operator !== undefined) return word;
      complete = false;
      return '';
    },
  );
  return complete && !result.includes('$') && result !== '' ? result : undefined;
}
