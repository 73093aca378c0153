/** What every operation of the registry takes and gives. */
import type { Readable } from 'node:stream';
import type { Habits } from './faults.ts';
import type { Route } from './routes.ts';
import type { Blobs, Repositories, Repository, Upload } from './store.ts';

export const DIGEST = /^sha256:[0-9a-f]{64}$/;

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body?: Buffer;
  stream?: Readable;
  challenges?: readonly string[];
}

export interface Served {
  repositories: Repositories;
  blobs: Blobs;
  uploads: Map<string, Upload>;
  habits: Habits;
  origin: string;
}

export class RegistryProblem extends Error {
  readonly answer: Answer;

  constructor(status: number, code: string, message: string, headers: Record<string, string> = {}) {
    super(message);
    const body = Buffer.from(JSON.stringify({ errors: [{ code, message }] }));
    this.answer = { status, headers: { 'content-type': 'application/json', ...headers }, body };
  }
}

export function json(status: number, value: unknown, headers: Record<string, string> = {}): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: Buffer.from(JSON.stringify(value)),
  };
}

export function needRepository(served: Served, route: Route): Repository {
  const repository = served.repositories.find(route.repository ?? '');
  if (repository === undefined) throw new RegistryProblem(404, 'NAME_UNKNOWN', 'repository name not known');
  return repository;
}
