/** One row of the table of routes. */
import type { Answer } from '../answer.ts';
import type { Repo } from '../store.ts';
import type { Access, Caller, Token } from '../tokens.ts';

export interface RestContext {
  /** Of the server, for links into the web. */
  url: string;
  /** Of this request without its query, for `Link` headers. */
  self: string;
  repo: Repo;
  caller: Caller;
  /** The groups of the path, decoded. */
  params: readonly string[];
  query: URLSearchParams;
  body: Readonly<Record<string, unknown>>;
  accept: string;
  /** Reads see a branch as it was this many commits ago. */
  staleBy: number;
}

/** A write, which always has a token. */
export interface WriteContext extends RestContext {
  token: Token;
}

export interface Route {
  method: string;
  /** Below /repos/{owner}/{repo}. */
  path: RegExp;
  /** Any one of these is enough. */
  permissions: readonly string[];
  access: Access;
  handle(c: WriteContext): Promise<Answer> | Answer;
}

/** @param permissions names joined by `|` */
export const reads = (
  path: RegExp,
  permissions: string,
  handle: (c: RestContext) => Promise<Answer> | Answer,
): Route => ({
  method: 'GET',
  path,
  permissions: permissions.split('|'),
  access: 'read',
  handle,
});

export const writes = (method: string, path: RegExp, permissions: string, handle: Route['handle']): Route => ({
  method,
  path,
  permissions: permissions.split('|'),
  access: 'write',
  handle,
});

/** A string of a body, '' for anything else. */
export const text = (value: unknown): string => (typeof value === 'string' ? value : '');
