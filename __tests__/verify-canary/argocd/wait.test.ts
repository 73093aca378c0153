/** The wait for Argo CD before anything is judged, and what it is allowed to conclude. */
import { describe, expect, test } from '@jest/globals';
import type { ActionError } from '../../../src/runner/index.ts';
import { ARGO_INPUTS, type FakeArgo, IMAGE, LATER, OLD, OURS, podNode, STABLE_IMAGE, Town } from '../support/argocd.ts';
import { replay, rules, watch } from '../support/world.ts';

const CONFIG = rules(undefined, ['interval: 5s', 'steps: [{weight: 20, min: 30s, max: 3m}]']);

async function go(town: Town, inputs: Record<string, string> = {}) {
  const outcome = await watch(
    { 'expected-weight': '20', ...town.targets, ...ARGO_INPUTS, ...inputs },
    { config: CONFIG, clock: town.clock, openHttp: town.openHttp },
  );
  const events = outcome.lines.filter((line) => 'type' in line && line.type === 'event');
  return { ...outcome, events, word: `${outcome.verdict.verdict} ${outcome.verdict.reason}` };
}

const failure = async (town: Town, inputs: Record<string, string> = {}): Promise<ActionError> => {
  const { error, intervals } = await go(town, inputs);
  expect(intervals).toEqual([]);
  return error as ActionError;
};

describe('it has arrived', () => {
  test('at once: judged, with how it was found in the first event of the trace, and nothing written', async () => {
    const town = new Town();
    const { word, events, text } = await go(town);
    expect(word).toBe('pass healthy');
    expect(events[0]).toMatchObject({ event: 'run', detail: expect.stringContaining('Synced at 1111111') });
    expect(town.argo.asked.filter((line) => !line.startsWith('GET '))).toEqual([]);
    expect(town.argo.asked[0]).toBe('GET /api/v1/applications/shop?refresh=normal');
    expect((await replay(text, CONFIG)).result.json).toBe((await replay(text, CONFIG)).result.json);
  });

  test('its replay gives the same bytes', async () => {
    const { text, result } = await go(new Town());
    expect((await replay(text, CONFIG)).result.json).toBe(result.json);
  });

  test.each<[string, (argo: FakeArgo) => void]>([
    ['Suspended is a paused rollout', (argo) => (argo.health = 'Suspended')],
    [
      'our commit is in the history, and a later one about something else is wanted',
      (argo) => {
        argo.revision = LATER;
        argo.sync = 'OutOfSync';
      },
    ],
    [
      'our commit was passed over for a later one, and our image runs',
      (argo) => {
        argo.revision = LATER;
        argo.history = [OLD, LATER];
      },
    ],
    ['our commit changed nothing that this application renders', (argo) => (argo.history = [OLD])],
    ['a drift that never ends, after our commit was applied', (argo) => (argo.sync = 'OutOfSync')],
    ['an older operation failed', (argo) => (argo.operation = { phase: 'Failed', syncResult: { revision: OLD } })],
    [
      'health lives in the resource tree alone',
      (argo) => {
        argo.health = undefined;
        argo.source = 'appTree';
        argo.nodes = [{ kind: 'Deployment', name: 'shop', health: { status: 'Healthy' } }];
      },
    ],
  ])('%s', async (_name, change) => {
    const town = new Town();
    change(town.argo);
    expect((await go(town)).word).toBe('pass healthy');
  });

  test('a commit alone, or an image alone, is enough to wait for', async () => {
    expect((await go(new Town(), { image: '' })).word).toBe('pass healthy');
    expect((await go(new Town(), { 'argocd-revision': '' })).word).toBe('pass healthy');
  });

  test.each<[string, (argo: FakeArgo) => void, (argo: FakeArgo) => void]>([
    [
      'the sync',
      (argo) => Object.assign(argo, { revision: OLD, history: [OLD], images: [STABLE_IMAGE] }),
      (argo) => {
        Object.assign(argo, { revision: OURS, history: [OLD, OURS], images: [STABLE_IMAGE, IMAGE] });
      },
    ],
    ['the operation', (argo) => (argo.operation = { phase: 'Running' }), (argo) => (argo.operation = undefined)],
    ['the image', (argo) => (argo.images = [STABLE_IMAGE]), (argo) => argo.images.push(IMAGE)],
    ['health', (argo) => (argo.health = 'Progressing'), (argo) => (argo.health = 'Healthy')],
    [
      'health in the tree',
      (argo) => {
        argo.health = undefined;
        argo.nodes = [{ kind: 'Deployment', name: 'shop', health: { status: 'Progressing' } }];
      },
      (argo) => (argo.nodes = []),
    ],
    ['an answer', (argo) => (argo.fault = 'down'), (argo) => (argo.fault = 'none')],
    ['a server in trouble', (argo) => (argo.fault = { status: 503 }), (argo) => (argo.fault = 'none')],
  ])('waits for %s', async (_name, before, after) => {
    const town = new Town(({ argo }, seconds) => {
      if (seconds >= 30) after(argo);
    });
    before(town.argo);
    const { word, intervals, events } = await go(town);
    expect(word).toBe('pass healthy');
    expect(intervals[0]?.start).toBeGreaterThanOrEqual(1_700_000_030);
    expect(events[0]).toMatchObject({ detail: expect.stringMatching(/^Argo CD after 3\d s: Synced/) });
  });
});

describe('it does not arrive', () => {
  test.each<[string, (argo: FakeArgo) => void, string]>([
    [
      'never synced',
      (argo) => Object.assign(argo, { revision: OLD, history: [OLD], sync: 'OutOfSync' }),
      'OutOfSync at 0000000',
    ],
    [
      'never healthy',
      (argo) => Object.assign(argo, { health: 'Progressing', healthMessage: '0 of 1' }),
      'Progressing (0 of 1)',
    ],
    ['no answer', (argo) => (argo.fault = 'down'), 'ECONNREFUSED'],
    // A wrong application must not look like a newer version: that would be green.
    [
      'another image runs there, and our commit was never seen',
      (argo) => Object.assign(argo, { revision: LATER, history: [LATER], images: [STABLE_IMAGE] }),
      'Synced at 2222222',
    ],
  ])('%s: hold sync-timeout with what was seen last', async (_name, change, said) => {
    const town = new Town();
    change(town.argo);
    const { word, events, error, result } = await go(town, { 'sync-timeout': '1m' });
    expect([word, error]).toEqual(['hold sync-timeout', undefined]);
    expect(events).toMatchObject([{ event: 'run' }, { event: 'sync-timeout', detail: expect.stringContaining(said) }]);
    expect(result.message).toContain('after 1m00s');
  });

  test('without an image: ours was applied once, and somebody went back by hand', async () => {
    const town = new Town();
    Object.assign(town.argo, { history: [OLD, OURS, OLD], sync: 'OutOfSync' });
    expect((await go(town, { image: '', 'sync-timeout': '1m' })).word).toBe('hold sync-timeout');
  });

  test('a sync that failed is red with its message', async () => {
    const town = new Town();
    town.argo.operation = { phase: 'Failed', message: 'hook migrate failed', syncResult: { revision: OURS } };
    const { code, message } = await failure(town);
    expect([code, message]).toEqual([
      'E_ARGOCD_FAILED',
      expect.stringContaining('its sync ended Failed: hook migrate failed'),
    ]);
  });

  test('of an image alone, the failure of what is wanted now counts', async () => {
    const town = new Town();
    town.argo.operation = { phase: 'Error', message: 'no route', syncResult: { revision: OURS } };
    expect((await failure(town, { 'argocd-revision': '' })).code).toBe('E_ARGOCD_FAILED');
  });

  test('Degraded: hold, with what Argo CD says', async () => {
    const town = new Town();
    Object.assign(town.argo, { health: 'Degraded', healthMessage: 'exceeded its progress deadline' });
    const { word, result } = await go(town);
    expect(word).toBe('hold degraded');
    expect(result.message).toContain('exceeded its progress deadline');
  });

  test('Degraded before our commit is there says nothing of it', async () => {
    const town = new Town(({ argo }, seconds) => {
      if (seconds >= 20) Object.assign(argo, { revision: OURS, history: [OLD, OURS], health: 'Healthy' });
    });
    Object.assign(town.argo, { health: 'Degraded', revision: OLD, history: [OLD] });
    expect((await go(town)).word).toBe('pass healthy');
  });

  test('a pod of ours that crashes again and again: fail, before Argo CD gives up', async () => {
    const town = new Town();
    Object.assign(town.argo, { health: 'Progressing', nodes: [podNode(IMAGE, 'CrashLoopBackOff')] });
    const { word, result } = await go(town);
    expect(word).toBe('fail crashloop');
    expect(result.message).toContain('pod shop-canary-1 is in CrashLoopBackOff');
  });

  test('a pod of another version that crashes is not ours', async () => {
    const town = new Town();
    Object.assign(town.argo, { health: 'Suspended', nodes: [podNode(STABLE_IMAGE, 'CrashLoopBackOff')] });
    expect((await go(town)).word).toBe('pass healthy');
  });

  test('a newer version took over before the judging: superseded', async () => {
    const town = new Town();
    Object.assign(town.argo, { revision: LATER, history: [OLD, OURS, LATER], images: [STABLE_IMAGE] });
    const { word, result } = await go(town);
    expect(word).toBe('superseded superseded');
    expect(result.message).toContain('2222222');
  });

  test('after a hold in the history the end of this run is its verdict', async () => {
    const first = new Town();
    first.argo.health = 'Progressing';
    const held = await go(first, { 'sync-timeout': '10s' });
    const town = new Town();
    Object.assign(town.argo, { health: 'Progressing', nodes: [podNode(IMAGE, 'Init:CrashLoopBackOff')] });
    const { mkdtempSync, rmSync, writeFileSync } = await import('node:fs');
    const folder = mkdtempSync('/tmp/canary-history-');
    try {
      writeFileSync(`${folder}/trace.jsonl`, held.text);
      expect((await go(town, { history: `${folder}/trace.jsonl` })).word).toBe('fail crashloop');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('the right words', () => {
  test.each<[string, Record<string, string>, string, readonly string[]]>([
    [
      'wrong token',
      { 'argocd-token': 'nope' },
      'E_PERMISSION_MISSING',
      ['takes the token for none of its own', 'set argocd-token'],
    ],
    [
      'wrong project',
      { 'argocd-project': 'other' },
      'E_PERMISSION_MISSING',
      ['another project than other', 'applications, get, other/shop'],
    ],
    [
      'no such application, with a project',
      { 'argocd-app': 'shup', 'argocd-project': 'default' },
      'E_ARGOCD_MISSING',
      ['there is none of this name', 'Check argocd-app'],
    ],
    [
      'no such application, without a project',
      { 'argocd-app': 'shup' },
      'E_PERMISSION_MISSING',
      ['or there is no such application'],
    ],
  ])('%s', async (_name, inputs, code, words) => {
    const town = new Town();
    const error = await failure(town, inputs);
    expect(error.code).toBe(code);
    for (const word of words) expect(error.message).toContain(word);
    expect(error.message).not.toContain('argocd-server');
  });

  test.each<[string, object, string]>([
    ['a redirect', { status: 302, headers: { location: 'https://login.example/' } }, 'E_REDIRECT'],
    ['a login page', { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' }, 'E_ARGOCD_UNREADABLE'],
  ])('%s', async (_name, reply, code) => {
    const town = new Town();
    town.argo.fault = reply;
    expect((await failure(town)).code).toBe(code);
  });

  test('namespace and project go along', async () => {
    const town = new Town();
    await go(town, { 'argocd-namespace': 'team-a', 'argocd-project': 'default' });
    expect(town.argo.asked[0]).toBe('GET /api/v1/applications/shop?appNamespace=team-a&project=default&refresh=normal');
  });

  test('cancelled while it waits: hold, and what was seen is kept', async () => {
    const stop = new AbortController();
    const town = new Town((_town, seconds) => {
      if (seconds >= 20) stop.abort(new Error('stopped'));
    });
    town.argo.health = 'Progressing';
    const { verdict, lines } = await watch(
      { 'expected-weight': '20', ...town.targets, ...ARGO_INPUTS },
      { config: CONFIG, clock: town.clock, openHttp: town.openHttp, signal: stop.signal },
    );
    expect([verdict.verdict, verdict.reason]).toEqual(['hold', 'cancelled']);
    expect(lines.at(-1)).toMatchObject({ event: 'cancelled' });
  });
});
