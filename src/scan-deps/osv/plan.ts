/** What to ask the OSV API, and how to read its answers. Pure: sending is api.ts. https://google.github.io/osv.dev/post-v1-querybatch/ */
import { z } from 'zod';
import type { PackageKey } from '../types.ts';

export interface Query {
  package: { name: string; ecosystem: string };
  version?: string;
  page_token?: string;
}

/** One query and where its answer has got to. */
export interface Asked {
  query: Query;
  ids: Set<string>;
  tokens: Set<string>;
  pages: number;
}

export const BATCH = 500;
const MAX_PAGES = 50;
/** The server's word for "I had no time to begin": the same query again is no loop. */
const NOT_STARTED = 'RklSU1RfUEFHRV9UT0tFTg==';

/**
 * Always name and ecosystem, never a purl: an unknown purl type is answered 200 with nothing. Of a name that the API compares
 * exactly though its registry does not, both spellings are asked. https://github.com/google/osv.dev/issues/5292
 */
export function queriesOf({ eco, key, name = key, version }: PackageKey): Query[] {
  return [...new Set([name, key])].map((spelling) => ({
    package: { name: spelling, ecosystem: eco },
    ...(version === undefined ? {} : { version }),
  }));
}

const page = z.object({
  vulns: z.array(z.looseObject({ id: z.string().min(1) })).nullish(),
  next_page_token: z.string().nullish(),
});
const batch = z.object({ results: z.array(page) });

/** @returns undefined when the body is not an answer to that many queries */
export function readBatch(body: unknown, queries: number): z.output<typeof page>[] | undefined {
  const parsed = batch.safeParse(body);
  return parsed.success && parsed.data.results.length === queries ? parsed.data.results : undefined;
}

export function readPage(body: unknown): z.output<typeof page> | undefined {
  const parsed = page.safeParse(body);
  return parsed.success ? parsed.data : undefined;
}

/**
 * Takes a page token into account.
 * @returns the token to go on with, undefined at the end, or `loop` when pages never end
 */
export function nextToken(
  asked: Pick<Asked, 'tokens' | 'pages'>,
  token: string | null | undefined,
): string | undefined {
  if (token === undefined || token === null || token === '') return undefined;
  asked.pages += 1;
  const again = asked.tokens.has(token) && token !== NOT_STARTED;
  asked.tokens.add(token);
  return again || asked.pages >= MAX_PAGES ? 'loop' : token;
}

/** The query that the server's 400 names ("… index N …"), if it does. */
export function badIndex(message: string, queries: number): number | undefined {
  const found = /\bindex:? (\d{1,6})\b/i.exec(message)?.[1];
  return found !== undefined && Number(found) < queries ? Number(found) : undefined;
}

export function chunks<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
}
