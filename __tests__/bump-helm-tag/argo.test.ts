import { afterAll, describe, expect, test } from '@jest/globals';
import { startReadApi } from '../../lab/cluster/api.ts';
import { readApplication } from '../../src/argocd/application.ts';
import { parseApplicationName } from '../../src/argocd/index.ts';
import { argoFailure, refreshApplications } from '../../src/bump-helm-tag/argo.ts';
import { judgeApplication } from '../../src/bump-helm-tag/argo-judge.ts';
import type { Relation } from '../../src/bump-helm-tag/config-repository.ts';
import { openHttp } from '../../src/http/index.ts';
import { ActionError, Deadline, fakeClock, memoryLog } from '../../src/runner/index.ts';
import {
  applicationJson,
  type Facts,
  type FakeArgoCd,
  type Respond,
  sendJson,
  startArgoCd,
} from '../argocd/support.ts';

const TOKEN = 'marked-secret-token';
const OLD = '0'.repeat(40);
const OURS = '1'.repeat(40);
const LATER = '2'.repeat(40);
const FOREIGN = 'f'.repeat(40);
const http = openHttp();
afterAll(() => http.close());

const ORDER = [OLD, OURS, LATER];
const relation = async (base: string, head: string): Promise<Relation> => {
  if (!ORDER.includes(head)) return 'head-unknown';
  return base === head ? 'identical' : ORDER.indexOf(head) > ORDER.indexOf(base) ? 'ahead' : 'behind';
};

interface Options {
  wait?: boolean;
  applications?: readonly string[];
  seconds?: number;
  signal?: AbortSignal;
  asked?: string[];
}

async function go(server: Pick<FakeArgoCd, 'url'>, options: Options = {}) {
  const { wait = true, applications = ['web'], seconds = 300, asked = [] } = options;
  const clock = fakeClock();
  const log = memoryLog();
  using deadline = new Deadline(seconds, clock, options.signal);
  const names = applications.map((text) => parseApplicationName(text)).filter((name) => name !== undefined);
  const results = await refreshApplications(
    { server: server.url, token: TOKEN, applications: names, wait },
    OURS,
    (base, head) => {
      asked.push(head);
      return relation(base, head);
    },
    { http, clock, random: () => 0.5, deadline, log },
  );
  return { results, log, clock, error: argoFailure(results) };
}

/** Says one state after the other, and stays with the last. */
async function script(...states: Facts[]): Promise<FakeArgoCd> {
  return startArgoCd((_req, res, n) => sendJson(res, 200, applicationJson(states[Math.min(n, states.length) - 1])));
}

describe('without wait', () => {
  test('acceptance 25: one GET for each application, nothing else, read only', async () => {
    await using server = await script({ sync: 'OutOfSync', revision: OLD });
    const { results } = await go(server, { wait: false, applications: ['web', 'team/api'] });
    expect(server.asked.map(({ method, url }) => `${method} ${url}`).sort()).toEqual([
      'GET /api/v1/applications/api?appNamespace=team&refresh=normal',
      'GET /api/v1/applications/web?refresh=normal',
    ]);
    expect(results.map((r) => [r.application, r.state, r.seen])).toEqual([
      ['web', 'refreshed', 'OutOfSync at 0000000, operation Succeeded, Healthy'],
      ['team/api', 'refreshed', 'OutOfSync at 0000000, operation Succeeded, Healthy'],
    ]);
  });
  test('a refusal is a warning that says that the handoff stands', async () => {
    await using server = await startArgoCd((_req, res) => sendJson(res, 403, { message: 'permission denied' }));
    const { results, log } = await go(server, { wait: false });
    expect(log.annotations).toEqual([expect.objectContaining({ level: 'warning', code: 'W_ARGOCD_REFRESH' })]);
    expect(log.annotations[0]?.message).toContain('the handoff itself is on the branch (111111111111)');
    expect(log.annotations[0]?.message).toContain('E_PERMISSION_MISSING');
    expect(results[0]?.state).toBe('failed');
  });
  test('a server that is down is a warning', async () => {
    await using server = await startArgoCd((req) => req.socket.destroy());
    const { log, results } = await go(server, { wait: false });
    expect(log.annotations[0]?.message).toMatch(/it could not be refreshed: http:.*; the handoff itself/);
    expect(results[0]?.error?.code).toBe('E_ARGOCD_UNREADABLE');
  });
});

describe('with wait', () => {
  test('from OutOfSync over Running and Progressing to Healthy; asks for one refresh only', async () => {
    await using server = await script(
      { sync: 'OutOfSync', revision: OLD },
      { sync: 'OutOfSync', revision: OURS, phase: 'Running' },
      { revision: OURS, health: 'Progressing' },
      { revision: OURS },
    );
    const { results, clock, log } = await go(server);
    expect(results).toEqual([expect.objectContaining({ state: 'arrived', error: undefined })]);
    expect(server.asked.filter(({ url }) => url.includes('refresh'))).toHaveLength(1);
    expect(clock.slept).toEqual([2, 2, 2]);
    expect(log.lines).toContain('web: OutOfSync at 1111111, operation Running, Healthy');
  });
  test('acceptance 25: a descendant counts as arrived, and is asked for once', async () => {
    await using server = await script({ revision: LATER, health: 'Progressing' }, { revision: LATER });
    const asked: string[] = [];
    expect((await go(server, { asked })).results[0]?.state).toBe('arrived');
    expect(asked).toEqual([LATER]);
  });
  test('one of several sources counts; versions and commits of other repositories do not', async () => {
    await using server = await script(
      { revisions: ['1.2.3', FOREIGN, OLD] },
      { revisions: ['1.2.3', FOREIGN, OLD] },
      { revisions: ['1.2.3', FOREIGN, OURS] },
    );
    const asked: string[] = [];
    const { results, clock } = await go(server, { asked });
    expect(results[0]?.state).toBe('arrived');
    expect(clock.slept).toHaveLength(2);
    expect(asked).not.toContain('1.2.3');
  });
  test('a commit that stays unknown is asked for three times, not for ever', async () => {
    await using server = await script({ revision: FOREIGN });
    const asked: string[] = [];
    const { error } = await go(server, { asked, seconds: 60 });
    expect(error?.code).toBe('E_ARGOCD_TIMEOUT');
    expect(asked).toEqual([FOREIGN, FOREIGN, FOREIGN]);
  });
  test('Degraded ends red, in the words of Argo CD', async () => {
    await using server = await script({ revision: OURS, health: 'Degraded', message: 'crash loop\n::error::x' });
    const { error } = await go(server);
    expect(error?.code).toBe('E_ARGOCD_FAILED');
    expect(error?.message).toContain('it is Degraded: crash loop ::error::x; the handoff itself is on the branch');
  });
  test('Degraded before our commit is compared is no finding: ours may mend it', async () => {
    await using server = await script(
      { revision: OLD, health: 'Degraded' },
      { revision: OURS, sync: 'OutOfSync', health: 'Degraded', operated: OLD },
      { revision: OURS },
    );
    expect((await go(server)).results[0]?.state).toBe('arrived');
  });
  test.each(['Failed', 'Error'])('operation %s on our commit ends red', async (phase) => {
    await using server = await script({
      revision: OURS,
      sync: 'OutOfSync',
      phase,
      message: 'one or more objects failed',
    });
    const { error } = await go(server);
    expect(error?.code).toBe('E_ARGOCD_FAILED');
    expect(error?.message).toContain(`its sync ended ${phase}: one or more objects failed`);
  });
  test('operation Failed on an earlier commit is waited out', async () => {
    await using server = await script({ revision: OLD, sync: 'OutOfSync', phase: 'Failed' }, { revision: OURS });
    expect((await go(server)).results[0]?.state).toBe('arrived');
  });
  test('Suspended ends green, with a note', async () => {
    await using server = await script({ revision: OURS, health: 'Suspended' });
    const { results, error } = await go(server);
    expect(error).toBeUndefined();
    expect(results[0]).toMatchObject({ state: 'suspended', note: expect.stringContaining('verify-canary') });
  });
  test('deadline: red with the last state', async () => {
    await using server = await script({ sync: 'OutOfSync', revision: OLD, phase: '' });
    const { error, clock } = await go(server, { seconds: 20 });
    expect(error?.code).toBe('E_ARGOCD_TIMEOUT');
    expect(error?.message).toContain('last seen: OutOfSync at 0000000, Healthy; the handoff itself is on the branch');
    expect(clock.slept.length).toBeGreaterThan(5);
  });
  test('a server in trouble for a while does not end the wait', async () => {
    await using server = await startArgoCd((_req, res, n) =>
      n > 1 && n < 12
        ? sendJson(res, 503, {})
        : sendJson(res, 200, applicationJson({ revision: n === 1 ? OLD : OURS })),
    );
    expect((await go(server)).results[0]?.state).toBe('arrived');
  });
  test('a relation that cannot be read now is asked again', async () => {
    await using server = await script({ revision: LATER });
    let n = 0;
    const clock = fakeClock();
    using deadline = new Deadline(100, clock);
    const results = await refreshApplications(
      { server: server.url, token: TOKEN, applications: [{ name: 'web', namespace: '', project: '' }], wait: true },
      OURS,
      async () => {
        n += 1;
        if (n < 6) throw new Error('502');
        return 'ahead';
      },
      { http, clock, random: () => 0, deadline, log: memoryLog() },
    );
    expect(results[0]?.state).toBe('arrived');
  });
  test('401, 403, a redirect and HTML end the wait at once', async () => {
    const answers: Respond[] = [
      (_req, res) => sendJson(res, 401, {}),
      (_req, res) => sendJson(res, 403, {}),
      (_req, res) => res.writeHead(302, { location: 'https://sso.example.com/' }).end(),
      (_req, res) => res.end('<html>'),
    ];
    const codes: (string | undefined)[] = [];
    for (const answer of answers) {
      await using server = await startArgoCd(answer);
      const { error, clock } = await go(server);
      expect(clock.slept).toEqual([]);
      expect(error?.message).toContain('the handoff itself is on the branch');
      codes.push(error?.code);
    }
    expect(codes).toEqual(['E_PERMISSION_MISSING', 'E_PERMISSION_MISSING', 'E_REDIRECT', 'E_ARGOCD_UNREADABLE']);
  });
  test('of several applications one may fail: the others are followed to their end, the error names all that failed', async () => {
    await using server = await startArgoCd((req, res) => {
      const name = /applications\/(\w+)/.exec(req.url ?? '')?.[1];
      sendJson(res, 200, applicationJson({ revision: OURS, health: name === 'web' ? 'Healthy' : 'Degraded' }));
    });
    const { results, error } = await go(server, { applications: ['api', 'web', 'jobs'] });
    expect(results.map((r) => [r.application, r.state])).toEqual([
      ['api', 'failed'],
      ['web', 'arrived'],
      ['jobs', 'failed'],
    ]);
    expect(error?.message).toContain('failed too: jobs');
  });
  test('cancelled: rejects with the reason, at once', async () => {
    await using server = await script({ revision: OLD });
    const reason = new ActionError('E_CANCELLED', { what: 'run', why: 'cancelled', fix: 'Run again' });
    await expect(go(server, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
  test('the token is in no line, annotation or result', async () => {
    await using server = await startArgoCd((_req, res, n) =>
      n < 3
        ? sendJson(res, 500, { message: `no: Bearer ${TOKEN}` })
        : sendJson(res, 403, { message: `no: Bearer ${TOKEN}` }),
    );
    const { log, results } = await go(server, { wait: false });
    const told = JSON.stringify([log.lines, log.annotations, results, results[0]?.error?.message]);
    expect(told).toContain('Bearer ***');
    expect(told).not.toContain(TOKEN);
  });
});

test('the lab stand-in of Argo CD is one to this client', async () => {
  let reads = 0;
  const api = await startReadApi(
    {
      name: 'web',
      application() {
        reads += 1;
        return applicationJson({ revision: reads < 3 ? OLD : OURS });
      },
      resourceTree: () => ({}),
    },
    TOKEN,
  );
  try {
    expect((await go({ url: new URL(api.url) })).results[0]?.state).toBe('arrived');
    const { error } = await go({ url: new URL(api.url) }, { applications: ['other'] });
    expect(error?.code).toBe('E_PERMISSION_MISSING');
  } finally {
    await api.close();
  }
});

describe('judgeApplication', () => {
  const judge = (facts: Facts, ours = { synced: true, operated: true }): string => {
    const state = readApplication(applicationJson(facts));
    return state === undefined ? 'none' : judgeApplication(state, ours).kind;
  };
  test.each([
    ['Healthy', 'arrived'],
    ['Suspended', 'suspended'],
    ['Degraded', 'failed'],
    ['Progressing', 'wait'],
    ['Missing', 'wait'],
    ['Unknown', 'wait'],
    ['Something new', 'wait'],
  ])('Synced, Succeeded, %s: %s', (health, kind) => expect(judge({ health })).toBe(kind));
  test.each(['Running', 'Terminating'])('operation %s: wait, however healthy', (phase) =>
    expect(judge({ phase })).toBe('wait'),
  );
  test('no operation at all: our commit changed nothing that it renders', () => {
    expect(judge({ phase: '' }, { synced: true, operated: false })).toBe('arrived');
  });
  test('an operation that is asked for and has not started', () => {
    const state = readApplication({ ...applicationJson(), operation: { sync: {} } });
    expect(state && judgeApplication(state, { synced: true, operated: true }).kind).toBe('wait');
  });
  test.each(['OutOfSync', 'Unknown'])('%s: wait', (sync) => {
    expect(judge({ sync })).toBe('wait');
    expect(judge({ sync, health: 'Degraded' })).toBe('wait');
  });
});
