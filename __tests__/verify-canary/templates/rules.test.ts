import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { parseConfig } from '../../../src/verify-canary/config.ts';
import {
  expandRules,
  TemplateEntryError,
  templateEntry,
  templateNames,
} from '../../../src/verify-canary/templates/index.ts';
import { root } from '../../support/bundle.ts';

const OWN = { name: 'own', kind: 'ratio', events: 'a_total', total: 'b_total' };

test('template entries become metrics where they stand, and each metric knows its entry', () => {
  const rules = {
    version: 1,
    metrics: [
      { template: 'istio', where: 'destination_app="shop"', slo: 0.01 },
      OWN,
      { template: 'kubernetes', only: ['throttling'], mode: 'observe', prefix: 'k8s-' },
    ],
  };
  const { rules: expanded, origin } = expandRules(rules);
  expect(origin).toEqual([0, 0, 1, 2]);
  const config = parseConfig(JSON.stringify(expanded), 'c');
  expect(config.judge.metrics.map((m) => [m.name, m.mode, m.slo])).toEqual([
    ['errors', 'enforce', 0.01],
    ['latency', 'enforce', null],
    ['own', 'enforce', null],
    ['k8s-throttling', 'observe', null],
  ]);
  expect(rules.metrics).toHaveLength(3);
});

test.each([[null], [7], [[]], [{}], [{ metrics: 'x' }], [{ metrics: [null, 7, OWN] }]])(
  'what has no templates is left as it is: %j',
  (rules) => {
    expect(expandRules(rules).rules).toEqual(rules);
  },
);

describe('refused, with the entry that it is', () => {
  test.each<[object, RegExp]>([
    [{ template: 'istoi' }, /no template istoi; did you mean istio\?/],
    [{ template: 7 }, /^template must be the name of a template$/],
    [{ template: 'app', where: 7 }, /^where must be a list of matchers/],
    [{ template: 'app', only: 'errors' }, /^only must be a list/],
    [{ template: 'app', prefix: 'K8s' }, /^prefix must be of the form/],
    [{ template: 'app', le: [] }, /^le needs a bound/],
    [{ template: 'app', le: [0] }, /^le\.0 must be above 0/],
    [{ template: 'app', slo: 1 }, /^slo must be below 1/],
    [{ template: 'app', 'latency-slo': { le: 0.5 } }, /^latency-slo\.max must be a number/],
    [{ template: 'app', mode: 'off' }, /^mode must be enforce or observe/],
    [{ template: 'app', 'status-label': 5 }, /^status-label must be the name of a metric or a label/],
    [{ template: 'app', labels: 'code' }, /no parameter labels/],
    [{ template: 'app', name: 'x' }, /no parameter name/],
  ])('%j', (entry, message) => {
    const broken = (): unknown => expandRules({ version: 1, metrics: [OWN, entry] });
    expect(broken).toThrow(message);
    expect(broken).toThrow(TemplateEntryError);
    expect(broken).toThrow(expect.objectContaining({ index: 1 }));
  });
});

test('the entry has a JSON schema, for the published one', () => {
  expect(z.toJSONSchema(templateEntry, { io: 'input', target: 'draft-7' })).toMatchObject({
    type: 'object',
    required: ['template'],
    additionalProperties: { type: 'string' },
  });
});

test('the README lists every template', () => {
  const readme = readFileSync(join(root, 'actions/verify-canary/README.md'), 'utf8');
  const section = readme.split('## Templates')[1]?.split('\n## ')[0] ?? '';
  expect([...section.matchAll(/^\| `([\w-]+)` \|/gm)].map((match) => match[1])).toEqual(templateNames());
});
