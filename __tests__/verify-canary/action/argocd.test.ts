/** The action as a workflow runs it, with an Argo CD on loopback. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Workspace, workspace } from '../support/action.ts';
import { ARGO_INPUTS, FakeArgo, IMAGE, LATER, OLD, OURS, podNode, STABLE_IMAGE, TOKEN } from '../support/argocd.ts';
import { drive, Pod } from '../support/pod.ts';

const RULES = `version: 1
interval: 1s
warmup: 0s
settle: 0s
metrics:
  - {name: errors, kind: ratio, events: 'http_requests_total{code=~"5.."}', total: http_requests_total, slo: 0.05}
steps: [{weight: 20, min: 3s, max: 30s}]
`;

let work: Workspace;
let argo: FakeArgo;
let server: Awaited<ReturnType<FakeArgo['listen']>>;
let pods: [Pod, Pod];
let stop: () => void;
beforeEach(async () => {
  work = workspace({ '.canary.yaml': RULES });
  argo = new FakeArgo();
  server = await argo.listen();
  pods = [await new Pod(1).listen(), await new Pod(2).listen()];
  const [stable, canary] = pods;
  stop = drive((seconds) => {
    stable.run(seconds, { rate: 160 });
    canary.run(seconds, { rate: 40 });
  });
});
afterEach(async () => {
  stop();
  await Promise.all([server, ...pods].map((one) => one[Symbol.asyncDispose]()));
  work[Symbol.dispose]();
});

const act = (inputs: Record<string, string> = {}, env: Record<string, string> = {}) =>
  work.act(
    {
      'expected-weight': '20',
      'stable-targets': pods[0].url,
      'canary-targets': pods[1].url,
      ...ARGO_INPUTS,
      'argocd-url': server.url,
      ...inputs,
    },
    { env },
  );

test('waits, judges, passes; the replay of its trace gives the same verdict.json; nothing was written', async () => {
  argo.health = 'Progressing';
  const answer = argo.answer.bind(argo);
  // The first look is one at the application and one at its tree; then it gets there.
  argo.answer = (...request) => {
    if (argo.asked.length >= 2) argo.health = 'Suspended';
    return answer(...request);
  };
  const done = await act({ app: 'shop', revision: 'abc' });
  expect(done.errors).toEqual([]);
  expect([done.code, done.outputs.verdict, done.outputs.step]).toEqual([0, 'pass', '20']);
  expect(done.log).toContain('::group::wait for Argo CD');
  expect(done.log).toContain('shop: Synced at 1111111, operation Succeeded, Progressing');
  expect(done.summary).toContain('Argo CD after');
  expect(done.report).toContain('Argo CD after');
  expect(argo.asked.filter((line) => !line.startsWith('GET '))).toEqual([]);
  work.write('trace.jsonl', done.trace);
  expect((await work.act({ replay: 'trace.jsonl' })).verdict).toBe(done.verdict);
  for (const text of [
    done.log.replaceAll(/^::add-mask::.*$/gm, ''),
    done.summary,
    done.report,
    done.trace,
    done.verdict,
  ])
    expect(text).not.toContain(TOKEN);
});

describe('an end before the first line: outputs name the step, and files are there', () => {
  test.each<[string, () => void, string, string, number]>([
    ['never synced', () => Object.assign(argo, { revision: OLD, history: [OLD] }), 'hold', 'sync-timeout', 1],
    ['Degraded', () => Object.assign(argo, { health: 'Degraded' }), 'hold', 'degraded', 1],
    [
      'a pod crashes',
      () => Object.assign(argo, { health: 'Progressing', nodes: [podNode(IMAGE, 'CrashLoopBackOff')] }),
      'fail',
      'crashloop',
      1,
    ],
    [
      'a newer version',
      () => Object.assign(argo, { revision: LATER, history: [OLD, OURS, LATER], images: [STABLE_IMAGE] }),
      'superseded',
      'superseded',
      0,
    ],
  ])('%s', async (_name, change, verdict, reason, code) => {
    change();
    const done = await act({ 'sync-timeout': '3s' });
    expect([done.code, done.outputs.verdict, done.outputs.reason]).toEqual([code, verdict, reason]);
    expect([done.outputs.step, done.outputs.weight, done.outputs['next-weight']]).toEqual(['20', '20', '']);
    expect(work.written()).toEqual(['report.html', 'trace.jsonl', 'verdict.json']);
    expect(JSON.parse(done.verdict)).toMatchObject({ verdict, reason, intervals: 0 });
    expect(done.report).not.toContain('<svg');
    work.write('trace.jsonl', done.trace);
    expect((await work.act({ replay: 'trace.jsonl' })).verdict).toBe(done.verdict);
  });
});

test('a failed sync is red with its message, and no verdict about the canary', async () => {
  argo.operation = { phase: 'Failed', message: 'hook ::error::x\nfailed', syncResult: { revision: OURS } };
  const done = await act();
  expect([done.code, done.outputs.verdict, done.outputs.reason]).toEqual([1, 'hold', 'trace-ended']);
  expect(done.errors).toEqual([expect.stringContaining('[E_ARGOCD_FAILED]')]);
  expect(done.errors[0]).toContain('hook');
});

test('a wrong token is red at once; the token of the job is tried where there is none', async () => {
  const wrong = await act({ 'argocd-token': 'wrong-token-of-mine' });
  expect(wrong.errors).toEqual([expect.stringContaining('[E_PERMISSION_MISSING]')]);
  expect(wrong.log.replaceAll(/^::add-mask::.*$/gm, '')).not.toContain('wrong-token-of-mine');
  const none = await act({ 'argocd-token': '' });
  expect(none.errors).toEqual([expect.stringContaining('id-token: write')]);
  const env = { ACTIONS_ID_TOKEN_REQUEST_URL: `${server.url}/idtoken`, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'of-the-job' };
  const job = await act({ 'argocd-token': '' }, env);
  expect(job.errors).toEqual([expect.stringContaining('OIDC token of this job')]);
  expect(argo.asked.at(-1)).toBe('GET /idtoken');
});

test('crashes while it is judged: fail within a few intervals', async () => {
  setTimeout(() => Object.assign(argo, { health: 'Progressing', nodes: [podNode(IMAGE, 'CrashLoopBackOff')] }), 3000);
  work.write('.canary.yaml', RULES.replace('min: 3s', 'min: 20s'));
  const done = await act();
  expect([done.outputs.verdict, done.outputs.reason]).toEqual(['fail', 'crashloop']);
  expect(done.outputs.message).toContain('pod shop-canary-1 is in CrashLoopBackOff');
});
