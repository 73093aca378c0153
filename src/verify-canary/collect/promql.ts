/** The Prometheus HTTP API, as far as it is needed: instant queries that answer raw samples, and the server's clock. */
import { type Http, HttpError, retryAfter, withRetry } from '../../http/index.ts';
import { ActionError, type Clock, Deadline } from '../../runner/index.ts';
import { oneLine, parseJson } from '../../text/index.ts';
import type { Point } from './series.ts';

export interface RawSeries {
  labels: Readonly<Record<string, string>>;
  points: Point[];
}

/** The answer cannot be used; the time it stands for becomes a gap. */
export class GapError extends Error {
  override readonly name = 'GapError';
  readonly gap: 'query-error' | 'partial';

  constructor(gap: 'query-error' | 'partial', message: string) {
    super(message);
    this.gap = gap;
  }
}

export interface PromClient {
  /** Unix seconds by the server's clock. */
  time(signal: AbortSignal): Promise<number>;
  /** Raw samples of a range selector. */
  matrix(query: string, at: number, signal: AbortSignal): Promise<RawSeries[]>;
  /** Metric names; empty when the server does not tell. */
  names(signal: AbortSignal): Promise<string[]>;
  /** `data` of what it knows about its series: `/api/v1/series`, `/labels`, `/metadata`. @throws GapError, ActionError */
  lookup(path: string, form: Form, signal: AbortSignal): Promise<unknown>;
}

/** Fields of a form; one may stand there several times. */
type Form = readonly (readonly [name: string, value: string])[];

const MAX_BODY = 16 * 1024 * 1024;
const MAX_SERIES = 100_000;
const TIMEOUT_MS = 10_000;
const RETRIES = 2;
const TOTAL_SECONDS = 60;

type Fields = Readonly<Record<string, unknown>>;

export function openPrometheus(
  http: Http,
  base: URL,
  headers: Readonly<Record<string, string>>,
  clock: Clock,
  random: () => number = Math.random,
): PromClient {
  const host = oneLine(base.host, 200);
  /** Selectors that have been answered: what is too large at first is for a person to mend, later it is a fault. */
  const answered = new Set<string>();

  const endpoint = (path: string): URL => {
    const url = new URL(base.href);
    url.pathname = `${url.pathname.replace(/\/+$/, '')}${path}`;
    url.hash = '';
    return url;
  };

  async function ask(method: 'GET' | 'POST', path: string, form: Form, signal: AbortSignal): Promise<unknown> {
    using deadline = new Deadline(TOTAL_SECONDS, clock, signal);
    const response = await withRetry(() => attempt(method, path, form, deadline.signal), {
      retries: RETRIES,
      baseMs: 500,
      capMs: 5000,
      retryAfterCapMs: 30_000,
      clock,
      random,
      deadline,
      classify(outcome) {
        if ('error' in outcome) {
          return outcome.error instanceof HttpError && (outcome.error.transient || outcome.error.kind === 'tls')
            ? 'retry'
            : 'ok';
        }
        const { status, headers: answer } = outcome.value;
        if (status !== 429 && status < 500) return 'ok';
        const wait = retryAfter(answer, clock.now());
        return wait === undefined ? 'retry' : { retryAfterMs: wait * 1000 };
      },
    });
    const asked = form.find(([name]) => name === 'query' || name === 'match[]')?.[1] ?? path;
    return read(response.status, response.text, asked);
  }

  async function attempt(method: 'GET' | 'POST', path: string, form: Form, signal: AbortSignal) {
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    const fields = new URLSearchParams(form.map(([name, value]): [string, string] => [name, value])).toString();
    const url = endpoint(path);
    if (method === 'GET' && fields !== '') url.search = `${url.search === '' ? '?' : `${url.search}&`}${fields}`;
    const response = await http.send({
      method,
      url,
      headers: { ...headers, accept: 'application/json', ...(method === 'POST' ? type : {}) },
      ...(method === 'POST' ? { body: fields } : {}),
      signal,
      timeouts: { headers: TIMEOUT_MS, body: TIMEOUT_MS },
    });
    return { status: response.status, headers: response.headers, text: await response.text(MAX_BODY) };
  }

  function read(status: number, text: string, query: string): unknown {
    if (status === 401 || status === 403) {
      throw new ActionError('E_PERMISSION_MISSING', {
        what: `Prometheus at ${host}`,
        why: `it answered ${status}: ${status === 401 ? 'no valid credential' : 'the credential may not read'}`,
        fix: 'Check prometheus-token or prometheus-headers',
      });
    }
    if (status === 400 || status === 422) {
      throw new ActionError('E_QUERY_REJECTED', {
        what: `query ${oneLine(query, 600)}`,
        why: `${host} answered ${status}: ${oneLine(messageOf(text), 400)}`,
        fix: 'Check the selectors of the config file and the inputs',
      });
    }
    if (status >= 300 && status < 400) {
      throw new ActionError('E_REDIRECT', {
        what: `Prometheus at ${host}`,
        why: `it answered with a redirect (${status}), which is not followed, so that no credential goes elsewhere`,
        fix: 'Set prometheus-url to the address it points to',
      });
    }
    if (status !== 200) throw new GapError('query-error', `${host} answered ${status}`);
    const body = fieldsOf(parseJson(text));
    if (body?.status !== 'success') throw new GapError('query-error', `${host} did not answer with success as JSON`);
    // Half of a cluster is not data. Prometheus and Thanos warn of it, VictoriaMetrics has a field of its own.
    if (Array.isArray(body.warnings) && body.warnings.length > 0) {
      throw new GapError('partial', `${host} warns: ${oneLine(String(body.warnings[0]), 300)}`);
    }
    if (body.isPartial === true) throw new GapError('partial', `${host} says that its answer is partial`);
    if (body.data === undefined || body.data === null) {
      throw new GapError('query-error', `${host} answered without data`);
    }
    return body.data;
  }

  /** Turns what stands in the way of one answer into a gap; what needs a person goes on as it is. */
  async function guarded<T>(body: () => Promise<T>, signal: AbortSignal, first = false): Promise<T> {
    try {
      return await body();
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (error instanceof HttpError && error.kind === 'too-large' && first) {
        throw new ActionError('E_RESPONSE_TOO_LARGE', {
          what: `Prometheus at ${host}`,
          why: 'its first answer is larger than 16 MB',
          fix: 'Narrow the selector: it takes in more series than one version of one service has',
        });
      }
      if (error instanceof HttpError && error.kind === 'policy') {
        throw new ActionError('E_TARGET_INVALID', {
          what: 'input prometheus-url',
          why: oneLine(error.message, 300),
          fix: 'Give the https address of the metrics',
        });
      }
      if (error instanceof HttpError) throw new GapError('query-error', oneLine(error.message, 300));
      // The minute for one answer is over.
      if (error instanceof ActionError && error.code === 'E_TIMEOUT')
        throw new GapError('query-error', `${host} was too slow`);
      throw error;
    }
  }

  return {
    time: (signal) =>
      guarded(async () => {
        const data = fieldsOf(await ask('POST', '/api/v1/query', [['query', 'time()']], signal));
        const value = numberOf(data);
        if (value === undefined) throw new GapError('query-error', `${host} did not answer time() with one number`);
        return value;
      }, signal),
    matrix(query, at, signal) {
      const selector = query.replace(/\[\d+s\]$/, '');
      const read = async (): Promise<RawSeries[]> => {
        const form: Form = [
          ['query', query],
          ['time', String(at)],
          ['timeout', `${TIMEOUT_MS / 1000}s`],
        ];
        const data = fieldsOf(await ask('POST', '/api/v1/query', form, signal));
        if (data === undefined) throw new GapError('query-error', `${host} answered without data`);
        if (data.resultType !== 'matrix' || !Array.isArray(data.result)) {
          const type = oneLine(String(data.resultType), 40);
          throw new GapError('query-error', `${host} answered ${type} where a matrix was asked`);
        }
        if (data.result.length > MAX_SERIES) {
          throw new ActionError('E_RESPONSE_TOO_LARGE', {
            what: `query ${oneLine(query, 600)}`,
            why: `it gives more than ${MAX_SERIES} series`,
            fix: 'Narrow the selector',
          });
        }
        const found = data.result.map((series) => seriesOf(series, host));
        answered.add(selector);
        return found;
      };
      return guarded(read, signal, !answered.has(selector));
    },
    lookup: (path, form, signal) => guarded(() => ask('GET', path, form, signal), signal, true),
    names: (signal) =>
      guarded(async () => {
        // Unlike a query, this is answered to GET only.
        const response = await attempt('GET', '/api/v1/label/__name__/values', [], signal);
        const body = fieldsOf(parseJson(response.text));
        return Array.isArray(body?.data) ? body.data.filter((name) => typeof name === 'string') : [];
      }, signal).catch(() => []),
  };
}

/** The one number of an answer: VictoriaMetrics has a vector of one element where Prometheus has a scalar. */
function numberOf(data: Fields | undefined): number | undefined {
  if (!Array.isArray(data?.result)) return undefined;
  const { resultType, result } = data;
  const alone = resultType === 'vector' && result.length === 1 ? fieldsOf(result[0])?.value : undefined;
  const pair: unknown = resultType === 'scalar' ? result : alone;
  return Array.isArray(pair) && Number.isFinite(Number(pair[1])) ? Number(pair[1]) : undefined;
}

function seriesOf(value: unknown, host: string): RawSeries {
  const series = fieldsOf(value);
  const labels = fieldsOf(series?.metric);
  if (labels === undefined || !Array.isArray(series?.values)) {
    throw new GapError('query-error', `${host} answered a series without labels or values`);
  }
  const points = series.values.map((pair): Point => {
    const [at, text] = Array.isArray(pair) ? pair : [];
    const point: Point = [Number(at), typeof text === 'string' && text !== '' ? Number(text) : Number.NaN];
    if (!Number.isFinite(point[0]) || !Number.isFinite(point[1])) {
      throw new GapError('query-error', `${host} answered a sample that is not a finite number`);
    }
    return point;
  });
  return {
    labels: Object.fromEntries(Object.entries(labels).map(([key, v]) => [key, String(v)])),
    points,
  };
}

function messageOf(text: string): string {
  const error = fieldsOf(parseJson(text))?.error;
  return typeof error === 'string' ? error : 'no reason given';
}

function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}
