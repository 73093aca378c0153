/** Wrong inputs: one clear message with its code, red, nothing written. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { G1, GOLDEN_RULES, lines, type Workspace, workspace } from '../support/action.ts';

let work: Workspace;
beforeAll(() => {
  work = workspace({
    'g1.jsonl': lines(G1),
    'back.jsonl': lines([...G1.slice(1), ...G1.slice(0, 1)]),
    'old.jsonl': lines([{ v: 1, type: 'header', app: 'shop', revision: 'aaa', image: '', note: '' }, ...G1]),
    'typo.yaml': GOLDEN_RULES.replace('metrics:', 'metric:'),
    'bomb.yaml': `a: &a [x]\n${Array.from({ length: 60 }, (_, i) => `b${i}: *a`).join('\n')}\n`,
  });
});
afterAll(() => work[Symbol.dispose]());

const PROM = {
  'expected-weight': '5',
  'prometheus-url': 'http://127.0.0.1:1',
  'stable-selector': 'track="stable"',
  'canary-selector': 'track="canary"',
};
const SCRAPE = {
  'expected-weight': '5',
  'stable-targets': 'http://127.0.0.1:1/metrics',
  'canary-targets': 'http://127.0.0.1:2/metrics',
};

test.each<[string, Record<string, string>, string, string]>([
  ['no source at all', {}, 'E_SOURCE_CONFLICT', 'there is no source of metrics'],
  ['two sources', { ...PROM, replay: 'g1.jsonl' }, 'E_SOURCE_CONFLICT', 'several sources'],
  ['T40 weight 100', { ...SCRAPE, 'expected-weight': '100' }, 'E_WEIGHT_INVALID', 'without this step'],
  ['PromQL injected', { ...PROM, 'canary-selector': 'a="b"} or vector(1)#' }, 'E_SELECTOR_INVALID', 'expected a list'],
  ['the metadata service', { ...PROM, 'prometheus-url': 'https://169.254.169.254' }, 'E_TARGET_INVALID', 'link-local'],
  [
    'a header that smuggles',
    { ...PROM, 'prometheus-headers': 'X-A: 1\r\nHost: evil' },
    'E_HEADER_INVALID',
    'line 2 sets host',
  ],
  ['a step that writes commands', { ...SCRAPE, step: '5\n::error::x' }, 'E_STEP_INVALID', '1 to 64'],
  ['no rules', { ...SCRAPE, 'config-file': 'gone.yaml' }, 'E_CONFIG_MISSING', 'there is no such file'],
  [
    'a misspelt key',
    { ...SCRAPE, 'config-file': 'typo.yaml' },
    'E_CONFIG_INVALID',
    'line 4: unknown key metric; did you mean metrics?',
  ],
  ['an alias bomb', { ...SCRAPE, 'config-file': 'bomb.yaml' }, 'E_CONFIG_INVALID', 'alias'],
  ['no history', { ...SCRAPE, history: 'gone.jsonl' }, 'E_HISTORY_MISSING', 'there is no such file'],
  [
    'another history',
    { ...SCRAPE, history: 'old.jsonl', revision: 'bbb' },
    'E_HISTORY_MISMATCH',
    'trace of revision aaa',
  ],
  ['no trace', { replay: 'gone.jsonl' }, 'E_TRACE_INVALID', 'there is no such file'],
  [
    'T31 backward lines',
    { replay: 'back.jsonl' },
    'E_TRACE_INVALID',
    'line 6: it begins before the line above it ends',
  ],
  ['a trace that is none', { replay: '.canary.yaml' }, 'E_TRACE_INVALID', 'line 1: it is not JSON'],
])('%s', async (_, inputs, code, why) => {
  const { code: exit, errors, outputs, summary } = await work.act(inputs);
  expect(exit).toBe(1);
  expect(errors).toEqual([expect.stringContaining(`[${code}]`)]);
  expect(errors[0]).toContain(why);
  expect(errors[0]).toMatch(/::verify-canary: .+: .+\. [A-Z].+\. \[E_/);
  expect([outputs, summary, work.written()]).toEqual([{}, '', []]);
});
