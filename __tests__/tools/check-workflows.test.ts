import { describe, expect, test } from '@jest/globals';
import { readWorkflow } from '../../tools/check-workflows/model.ts';
import { checkWorkflow, sharedGroups } from '../../tools/check-workflows/rules.ts';

const SHA = '3d3c42e5aac5ba805825da76410c181273ba90b1';
const pins = {
  'actions/checkout': { commit: SHA, version: 'v7.0.1' },
  'actions/cache': { commit: SHA, version: 'v5.0.0' },
};
const job = (body: string, top = ''): string =>
  `on: { workflow_call: {} }\npermissions: {}\n${top}jobs:\n  j:\n    runs-on: x\n    timeout-minutes: 5\n${body.includes('permissions:') ? '' : '    permissions: {}\n'}${body}`;
const step = (text: string): string => job(`    steps:\n      - ${text}\n`);
const secret = '    steps:\n      - run: x\n        env: { T: "${{ secrets.CONFIG_TOKEN }}" }\n';
const writes = '    steps:\n      - uses: $/actions/bump-helm-tag\n';

const cases: Record<string, { good: string[]; bad: string[] }> = {
  W01: {
    good: [
      step(`uses: actions/checkout@${SHA} # v7.0.1`),
      step('uses: $/actions/scan-deps'),
      step('uses: org/actions/build-image@v1'),
    ],
    bad: [
      step('uses: actions/checkout@v7'),
      step(`uses: actions/checkout@${SHA} # v7`),
      step(`uses: actions/checkout@${SHA}`),
      step(`uses: other/action@${SHA} # v1`),
      step(`uses: actions/checkout@${'0'.repeat(40)} # v7.0.1`),
      step('uses: $/actions/scan-deps@v1'),
      step('uses: ./actions/scan-deps'),
    ],
  },
  W02: {
    good: [job('    permissions:\n      contents: read # checkout\n')],
    bad: [
      job('    permissions:\n      contents: read\n'),
      step('run: x').replace('permissions: {}\njobs', 'jobs'),
      step('run: x').replace('permissions: {}\njobs', 'permissions: { contents: write }\njobs'),
      step('run: x').replace('    permissions: {}\n', ''),
    ],
  },
  W03: {
    good: [step('run: echo "$A"\n        env: { A: "${{ github.ref }}" }')],
    bad: [
      step('run: echo ${{ github.head_ref }}'),
      step('uses: x/y@z\n        with: { script: "f(${{ inputs.a }})" }'),
    ],
  },
  W04: {
    good: [step(`uses: actions/checkout@${SHA} # v7.0.1\n        with: { persist-credentials: false }`)],
    bad: [
      step(`uses: actions/checkout@${SHA} # v7.0.1`),
      step(`uses: actions/checkout@${SHA} # v7.0.1\n        with: { persist-credentials: true }`),
    ],
  },
  W05: {
    good: [step('run: x')],
    bad: [
      step('run: x').replace('workflow_call', 'pull_request_target'),
      step('run: x\n        env: { S: "${{ github.event.workflow_run.head_sha }}" }').replace(
        'workflow_call',
        'workflow_run',
      ),
    ],
  },
  W06: {
    good: [job(`    environment: production\n${secret}`), step('run: x')],
    bad: [job(secret), job('    uses: $/.github/workflows/x.yml\n    secrets: inherit\n')],
  },
  W07: {
    good: [step(`uses: actions/cache@${SHA} # v5.0.0`)],
    bad: [
      job(
        `    permissions:\n      contents: write # release\n    steps:\n      - uses: actions/cache@${SHA} # v5.0.0\n`,
      ),
    ],
  },
  W08: {
    good: [job(writes, 'concurrency: { group: g, cancel-in-progress: false, queue: max }\n'), step('run: x')],
    bad: [
      job(writes),
      job(writes, 'concurrency: { group: g, cancel-in-progress: true, queue: max }\n'),
      job(writes, 'concurrency: { group: g, cancel-in-progress: false }\n'),
    ],
  },
  timeout: { good: [step('run: x')], bad: [step('run: x').replace('    timeout-minutes: 5\n', '')] },
};

describe.each(Object.entries(cases))('%s', (rule, { good, bad }) => {
  test.each(good.map((text, i) => [i, text]))('passing fixture %i', (_i, text) => {
    expect(checkWorkflow(readWorkflow('f.yml', String(text)), pins, [rule])).toEqual([]);
  });
  test.each(bad.map((text, i) => [i, text]))('failing fixture %i', (_i, text) => {
    const problems = checkWorkflow(readWorkflow('f.yml', String(text)), pins, [rule]);
    expect(problems.map((p) => p.rule)).toContain(rule);
  });
});

test('trap 43: the environment is missing in one of plan, stage, revert', () => {
  const text = `${job(`    environment: e\n${secret}`)}  k:\n    permissions: {}\n${secret}`;
  expect(checkWorkflow(readWorkflow('f.yml', text), pins, ['W06']).map((p) => p.message)).toEqual([
    'job k reads a deploy secret without an environment',
  ]);
});

test('W08: caller and callee never share a group', () => {
  const file = (name: string) => readWorkflow(name, 'concurrency: { group: g }\njobs: {}\n');
  expect(sharedGroups([file('a'), file('b')]).map((p) => p.file)).toEqual(['b']);
});
