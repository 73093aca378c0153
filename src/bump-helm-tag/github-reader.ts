/** Reads of GitHub's API: repeated with back-off until the deadline, each refusal in the words of the user's world. */
import { type ApiOutcome, classify, type GitHubAnswer, type GitHubClient } from '../github/index.ts';
import { HttpError } from '../http/index.ts';
import { ActionError, type Clock, type Deadline } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';

export interface GitHubAddress {
  owner: string;
  name: string;
  branch: string;
  /** For links. */
  serverUrl: string;
}

export interface ReaderPorts {
  clock: Clock;
  random: () => number;
  deadline: Deadline;
}

const READ_MS = 15_000;
const READ_TRIES = 8;

/** Why a write is refused for good. */
type Refusal = Extract<ApiOutcome, { kind: 'permission' | 'not-found' | 'protected' }>;

export class GitHubReader {
  readonly #client: GitHubClient;
  readonly #address: GitHubAddress;
  readonly #ports: ReaderPorts;
  // A renamed repository answers to its old name; REST calls and writes go to the new one.
  #fullName: string;

  constructor(client: GitHubClient, address: GitHubAddress, ports: ReaderPorts) {
    this.#client = client;
    this.#address = address;
    this.#ports = ports;
    this.#fullName = `${address.owner}/${address.name}`;
  }

  /** `owner/name` as the host itself calls the repository. */
  get fullName(): string {
    return this.#fullName;
  }

  get shown(): string {
    return `${this.#fullName}@${this.#address.branch}`;
  }

  /** @returns `data.repository` of a query with the variables owner and name beside its own */
  async query(
    query: string,
    variables: Record<string, unknown>,
    signal: AbortSignal,
  ): Promise<Record<string, unknown>> {
    const { owner, name } = this.#address;
    const ask = (): Promise<GitHubAnswer> =>
      this.#client.graphql(query, { owner, name, ...variables }, signal, READ_MS);
    const data = await this.#ask(ask, signal, (answer) => {
      const outcome = classify(answer, this.#ports.clock.now());
      return outcome.kind === 'ok' ? { value: outcome.data } : outcome;
    });
    const repository = data.repository as Record<string, unknown> | null | undefined;
    if (repository === null || repository === undefined) throw this.notFound('it is not there');
    if (typeof repository.nameWithOwner === 'string') this.#fullName = repository.nameWithOwner;
    return repository;
  }

  /**
   * JSON of a GET below the repository; undefined when there is no such thing.
   * @param right the permission that it needs, for the words of a refusal
   */
  get(path: string, signal: AbortSignal, right?: string): Promise<unknown> {
    const ask = (): Promise<GitHubAnswer> => this.#client.get(`/repos/${this.#fullName}${path}`, signal);
    return this.#ask<unknown>(ask, signal, (answer) => {
      if (answer.status === 200 && answer.json !== undefined) return { value: answer.json };
      const outcome = classify(answer, this.#ports.clock.now());
      if (outcome.kind === 'permission') throw this.refused(outcome, right);
      return outcome.kind === 'not-found' ? { value: undefined } : outcome;
    });
  }

  async #ask<T>(
    ask: () => Promise<GitHubAnswer>,
    signal: AbortSignal,
    read: (answer: GitHubAnswer) => { value: T } | ApiOutcome,
  ): Promise<T> {
    const { clock, random, deadline } = this.#ports;
    for (let n = 0; ; n += 1) {
      let why: string;
      let wait = random() * Math.min(8, 0.5 * 2 ** n);
      try {
        const outcome = read(await ask());
        if ('value' in outcome) return outcome.value;
        if (outcome.kind === 'permission' || outcome.kind === 'not-found' || outcome.kind === 'protected')
          throw this.refused(outcome);
        why = outcome.kind === 'throttled' ? 'throttled' : outcome.kind === 'ok' ? 'no answer' : outcome.detail;
        if (outcome.kind === 'throttled') {
          if (outcome.waitSeconds >= deadline.remaining()) throw this.#rateLimited(outcome.waitSeconds);
          wait = outcome.waitSeconds + 5 * random();
        }
      } catch (error) {
        if (!(error instanceof HttpError)) throw error;
        if (signal.aborted) throw signal.reason;
        if (error.kind === 'policy' || error.kind === 'too-large') throw this.unreadable(error.message, error);
        why = error.message;
      }
      if (n >= READ_TRIES) throw this.unreadable(why);
      await clock.sleep(wait, signal);
    }
  }

  /** @param right the permission that the request needs */
  refused(outcome: Refusal, right = 'contents: write'): ActionError {
    if (outcome.kind === 'not-found') return this.notFound(outcome.detail);
    if (outcome.kind === 'permission')
      return new ActionError('E_PERMISSION_MISSING', {
        what: `config repository ${this.shown}`,
        why: `the token was refused: ${oneLine(outcome.detail, 300)}`,
        fix: `Give it ${right} on this repository alone`,
      });
    return new ActionError('E_BRANCH_PROTECTED', {
      what: `branch ${this.shown}`,
      why: oneLine(outcome.detail, 300),
      fix: 'Let the App bypass the rule for this branch',
    });
  }

  notFound(detail: string): ActionError {
    return new ActionError('E_REPOSITORY_NOT_FOUND', {
      what: `config repository ${this.#fullName}`,
      why: oneLine(detail, 300),
      fix: 'Check the name, and that the token may see it',
    });
  }

  unreadable(why: string, cause?: unknown): ActionError {
    return new ActionError('E_CONFIG_UNREADABLE', {
      what: `config repository ${this.shown}`,
      why: oneLine(why, 300),
      fix: 'Run again when the host answers',
      cause,
    });
  }

  #rateLimited(seconds: number): ActionError {
    return new ActionError('E_RATE_LIMITED', {
      what: `config repository ${this.shown}`,
      why: `the host asks to wait ${Math.ceil(seconds)} s, longer than the deadline leaves`,
      fix: 'Run again later, or raise deadline',
    });
  }
}
