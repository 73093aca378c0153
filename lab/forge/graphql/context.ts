/** What the resolvers share. */
import type { Repo } from '../store.ts';
import type { Token } from '../tokens.ts';

/** An error with GitHub's `type` beside its message. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly type: string;
  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

export const FORBIDDEN = 'Resource not accessible by integration';

export interface GraphqlContext {
  token: Token;
  url: string;
  /** Also by the names a repository had before. */
  find(fullName: string): Repo | undefined;
  findById(id: string): Repo | undefined;
  /** All of them, each once. */
  repositories(): readonly Repo[];
  /** Reads see the branch as it was this many commits ago. */
  staleBy: number;
  /** Told of fields that the schema has and the forge does not answer. */
  unknown(field: string): void;
}

export const repositoryId = (repo: Repo): string => `R_${Buffer.from(String(repo.id)).toString('base64url')}`;
export const refId = (repo: Repo, ref: string): string =>
  `REF_${Buffer.from(`${repo.id}:${ref}`).toString('base64url')}`;

/** The repository and full name behind the id of a ref. */
export function readRefId(id: string): { repository: string; ref: string } | undefined {
  const match = /^(\d+):(refs\/.+)$/.exec(Buffer.from(id.replace(/^REF_/, ''), 'base64url').toString('utf8'));
  if (match === null) return undefined;
  return { repository: `R_${Buffer.from(match[1] ?? '').toString('base64url')}`, ref: match[2] ?? '' };
}
