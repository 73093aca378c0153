/** The OSV API as a source: batches of questions, then the full records of what was hit. */
import type { Answer, OsvRecord, PackageKey, Problem } from '../types.ts';
import { type Asked, BATCH, badIndex, chunks, nextToken, type Query, queriesOf, readBatch, readPage } from './plan.ts';
import { pool } from './pool.ts';
import { isProblem, parseRecord } from './record.ts';
import { badShape, type SendPorts, type Sent, send } from './send.ts';
import type { AdvisorySource } from './source.ts';

const BATCHES_AT_ONCE = 4;
const QUERIES_AT_ONCE = 16;
const MAX_ALIAS_GETS = 200;

interface Pending extends Asked {
  problem?: Problem;
  token?: string;
}

/** @param base of the API, "https://api.osv.dev" */
export function apiSource(base: URL, ports: SendPorts): AdvisorySource {
  const post = (path: string, body: unknown): Promise<Sent> => send(base, path, body, ports);
  const at = (path: string): URL => new URL(path, base.origin);

  async function askBatch(pending: Pending[]): Promise<void> {
    const queries = pending.map(({ query, token }) => (token === undefined ? query : { ...query, page_token: token }));
    const sent = await post('/v1/querybatch', { queries });
    if ('problem' in sent) return refuse(pending, sent.problem);
    if ('text' in sent) return askAgain(pending, sent);
    const results = readBatch(sent.json, pending.length);
    if (results === undefined) {
      return refuse(pending, badShape(at('/v1/querybatch'), JSON.stringify(sent.json), 'not one result a query'));
    }
    for (const [i, result] of results.entries()) {
      const one = pending[i];
      if (one === undefined) continue;
      for (const { id } of result.vulns ?? []) one.ids.add(id);
      delete one.token;
      const token = nextToken(one, result.next_page_token);
      if (token === 'loop') one.problem = endless('/v1/querybatch', one.query);
      else if (token !== undefined) one.token = token;
    }
    const more = pending.filter((one) => one.token !== undefined);
    if (more.length > 0) await askBatch(more);
  }

  // One bad name makes the server refuse the whole batch: that package is unanswered, the rest is asked again.
  async function askAgain(pending: Pending[], sent: { status: number; text: string }): Promise<void> {
    const problem = badShape(at('/v1/querybatch'), sent.text, `answered ${sent.status}`);
    if (sent.status !== 400 || pending.length === 1) return refuse(pending, problem);
    const bad = badIndex(sent.text, pending.length);
    if (bad !== undefined) {
      refuse(pending.slice(bad, bad + 1), problem);
      return askBatch(pending.filter((_, i) => i !== bad));
    }
    const half = Math.ceil(pending.length / 2);
    await askBatch(pending.slice(0, half));
    await askBatch(pending.slice(half));
  }

  async function fullRecords(asked: Pending): Promise<Answer> {
    const records = new Map<string, OsvRecord>();
    const paging = { tokens: new Set<string>(), pages: 0 };
    for (let token: string | undefined; ; ) {
      const sent = await post('/v1/query', token === undefined ? asked.query : { ...asked.query, page_token: token });
      if ('problem' in sent) return { unanswered: sent.problem };
      if ('text' in sent) return { unanswered: badShape(at('/v1/query'), sent.text, `answered ${sent.status}`) };
      const page = readPage(sent.json);
      if (page === undefined) return { unanswered: badShape(at('/v1/query'), JSON.stringify(sent.json), 'no page') };
      for (const raw of page.vulns ?? []) {
        const record = parseRecord(raw);
        if (isProblem(record)) return { unanswered: record };
        records.set(record.id, record);
      }
      token = nextToken(paging, page.next_page_token);
      if (token === 'loop') return { unanswered: endless('/v1/query', asked.query) };
      if (token === undefined) break;
    }
    const missing = [...asked.ids].find((id) => !records.has(id));
    if (missing !== undefined) {
      const message = `${base.origin}: ${missing} was named for ${asked.query.package.name}, but its record did not come`;
      return { unanswered: { code: 'E_OSV_SHAPE', message } };
    }
    return { records: [...records.values()] };
  }

  return {
    kind: 'api',
    url: base.origin,
    freshness: () => undefined,
    async lookup(keys) {
      const asked = distinct(keys);
      const todo = [...asked.values()];
      await pool(chunks(todo, BATCH), BATCHES_AT_ONCE, askBatch);
      const hits = todo.filter((one) => one.problem === undefined && one.ids.size > 0);
      const answers = new Map<Pending, Answer>();
      await pool(hits, QUERIES_AT_ONCE, async (one) => {
        answers.set(one, await fullRecords(one));
      });
      return keys.map((key): Answer => {
        const records = new Map<string, OsvRecord>();
        for (const query of queriesOf(key)) {
          const one = asked.get(JSON.stringify(query));
          if (one?.problem !== undefined) return { unanswered: one.problem };
          const answer = (one && answers.get(one)) ?? { records: [] };
          if ('unanswered' in answer) return answer;
          for (const record of answer.records) records.set(record.id, record);
        }
        return { records: [...records.values()] };
      });
    },
    async byIds(ids) {
      const found = new Map<string, OsvRecord>();
      await pool([...new Set(ids)].slice(0, MAX_ALIAS_GETS), QUERIES_AT_ONCE, async (id) => {
        const sent = await post(`/v1/vulns/${encodeURIComponent(id)}`, undefined);
        const record = 'json' in sent ? parseRecord(sent.json) : undefined;
        if (record !== undefined && !isProblem(record)) found.set(id, record);
      });
      return found;
    },
  };
}

function distinct(keys: readonly PackageKey[]): Map<string, Pending> {
  const all = new Map<string, Pending>();
  for (const query of keys.flatMap(queriesOf)) {
    const text = JSON.stringify(query);
    if (!all.has(text)) all.set(text, { query, ids: new Set(), tokens: new Set(), pages: 0 });
  }
  return all;
}

function refuse(pending: readonly Pending[], problem: Problem): void {
  for (const one of pending) one.problem = problem;
}

function endless(path: string, query: Query): Problem {
  return { code: 'E_OSV_SHAPE', message: `${path}: the pages for ${query.package.name} never end` };
}
