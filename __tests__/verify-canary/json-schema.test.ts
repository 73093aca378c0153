/** The published JSON schema says what the parser says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { jsonSchema } from '../../src/verify-canary/json-schema.ts';
import { root } from '../support/bundle.ts';

const published = readFileSync(join(root, 'actions/verify-canary/canary.schema.json'), 'utf8');

test('it is what the schema of the source makes', () => {
  expect(published).toBe(jsonSchema());
});

const validate = new Ajv({ strict: false }).compile(JSON.parse(published) as object);
const METRIC = '{name: errors, kind: ratio, events: e_total, total: r_total}';

test.each([
  [true, `version: 1\nmetrics: [${METRIC}]\nsteps: [{weight: 5, max: 30m}]\n`],
  [true, `version: 1\nmetrics: [{name: cpu, kind: cpu, total: r_total, pass: none}]\n`],
  [true, `version: 1\nmode: before-after\nmetrics: [${METRIC.replace('}', ', phi: auto}')}]\nsteps: [{weight: 100}]\n`],
  [true, 'version: 1\nmetrics: [{template: istio, slo: 0.01}, {name: cpu, kind: cpu, total: r_total}]\n'],
  [false, 'version: 1\nmetrics: [{template: isto}]\n'],
  [false, `version: 1\nmode: recreate\nmetrics: [${METRIC}]\n`],
  [false, `version: 1\nmetrics: [${METRIC.replace('}', ', phi: some}')}]\n`],
  [false, `version: 2\nmetrics: [${METRIC}]\n`],
  [false, `version: 1\nmetric: [${METRIC}]\n`],
  [false, `version: 1\ninterval: 15\nmetrics: [${METRIC}]\n`],
  [false, `version: 1\nmetrics: [{name: errors, kind: ratio, events: e_total}]\n`],
  [false, `version: 1\nmetrics: []\n`],
])('an editor that reads it says %s', (valid, text) => {
  expect(validate(parse(text))).toBe(valid);
});
