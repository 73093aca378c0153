/** `WWW-Authenticate` (RFC 9110, 11.6.1): several challenges in one header, and several headers. */

export interface Challenge {
  /** Lower case: `basic`, `bearer`. */
  scheme: string;
  /** Names in lower case. */
  params: Readonly<Record<string, string>>;
}

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;

/**
 * Reads all challenges. Broken rests are dropped: what cannot be read cannot be answered.
 * @param header the header's value; `Headers.get` has joined several ones with a comma, which is allowed by the grammar
 */
export function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; params: Record<string, string> }[] = [];
  let at = 0;
  const skip = (pattern: RegExp): void => {
    while (at < header.length && pattern.test(header.charAt(at))) at += 1;
  };
  const token = (): string | undefined => {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(header)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  while (at < header.length) {
    skip(/[\s,]/);
    const word = token();
    if (word === undefined) {
      at += 1;
      continue;
    }
    skip(/\s/);
    const current = challenges.at(-1);
    // `name=value` belongs to the challenge before it; a token without `=` opens the next one.
    if (header.charAt(at) === '=' && current !== undefined) {
      at += 1;
      skip(/\s/);
      current.params[word.toLowerCase()] = header.charAt(at) === '"' ? quoted() : (token() ?? '');
      continue;
    }
    challenges.push({ scheme: word.toLowerCase(), params: {} });
  }
  return challenges;

  function quoted(): string {
    let value = '';
    for (at += 1; at < header.length && header.charAt(at) !== '"'; at += 1) {
      if (header.charAt(at) === '\\') at += 1;
      value += header.charAt(at);
    }
    at += 1;
    return value;
  }
}
