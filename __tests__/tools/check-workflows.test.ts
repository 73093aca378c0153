import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readWorkflow } from '../../tools/check-workflows/model.ts';
import { sharedGroups } from '../../tools/check-workflows/rules/concurrency.ts';
import { checkWorkflow } from '../../tools/check-workflows/rules.ts';
import { root } from '../support/bundle.ts';

const SHA = '3d3c42e5aac5ba805825da76410c181273ba90b1';
const pins = {
  'actions/checkout': { commit: SHA, version: 'v7.0.1' },
  'actions/cache': { commit: SHA, version: 'v5.0.0' },
};
const job = (body: string, top = ''): string =>
  `on: { workflow_call: {} }\npermissions: {}\n${top}jobs:\n  j:\n    runs-on: x\n    timeout-minutes: 5\n${body.includes('permissions:') ? '' : '    permissions: {}\n'}${body}`;
const step = (text: string): string => job(`    steps:\n      - ${text}\n`);
const secret = '    steps:\n      - run: x\n        env: { T: "${{ secrets.CONFIG_TOKEN }}" }\n';
const script = (...lines: string[]): string => step(`run: |\n${lines.map((line) => `          ${line}\n`).join('')}`);
const harden = (policy: string, endpoints = 'api.test:443'): string =>
  `      - uses: step-security/harden-runner@${SHA} # v1\n        with: { egress-policy: ${policy}, allowed-endpoints: "${endpoints}" }\n`;
const release = (steps: string): string =>
  job(`    permissions:\n      contents: write # release\n    steps:\n${steps}      - run: x\n`);
const needing = (needs: string): string =>
  `${job('    steps:\n      - run: node tools/release-tree/main.ts publish --version="$V"\n')}  k:\n${needs}    permissions: {}\n    steps:\n      - run: node tools/release-tree/main.ts move-major --version="$V"\n`;
const signing = (line: string): string => job(`    permissions:\n      id-token: write # sign\n    ${line}\n`);
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
  W11: {
    good: [
      script('git log -- "$REF"', 'rm -- "$FILE"', 'gh release view --json x -- "$TAG"'),
      script('helm template x . -f "$values" > "$OUT"', 'cat "$RUNNER_TEMP/log"', 'sh -c \'echo "$1"\' sh "$TITLE"'),
      script('# eval "$X"', "echo 'git log $A'"),
    ],
    bad: [
      script('eval "$SCRIPT"'),
      script('bash -c "make $TARGET"'),
      script('if true; then git log "$REF"; fi'),
      script('rm -f "$FILE"'),
      script('"$COMMAND" --now'),
      script('python3 -c "print($VALUE)"'),
    ],
  },
  W12: {
    good: [
      script('python -m pip install --require-hashes -r "$FILE"', 'npm ci --ignore-scripts'),
      script('curl -fsSLo tool https://x.test/tool', 'echo "abc  tool" | sha256sum --check'),
      script(`docker run x@sha256:${'a'.repeat(64)}`),
    ],
    bad: [
      script('pip install flake8'),
      script('npm install left-pad'),
      script('npx cowsay'),
      script('curl -fsSL https://x.test/install | sh'),
      script('go install x.test/tool@latest'),
      script('docker run alpine:3'),
      step('uses: docker://alpine:3'),
    ],
  },
  W13: {
    good: [
      signing(`steps:\n      - uses: actions/attest@${SHA} # v4`),
      signing('uses: $/.github/workflows/deliver.yml'),
      signing('steps:\n      - run: cosign sign --yes x@sha256:1'),
      step('run: x'),
    ],
    bad: [signing('steps:\n      - run: x'), signing('steps:\n      - uses: $/actions/scan-deps')],
  },
  W14: {
    good: [needing('    needs: j\n'), needing('    needs: [i, j]\n'), script('git push origin v1.2.3')],
    bad: [
      needing(''),
      script('git push --force origin v1'),
      script('git push origin "+HEAD:refs/tags/v1"'),
      script('git tag -fa v1 -m x'),
      script('git push --delete origin v1.2.3'),
      script('gh release delete v1.2.3'),
      script('gh api --method PATCH repos/o/r/git/refs/tags/v1'),
    ],
  },
  W16: {
    good: [
      script('echo "A=1" >> "$GITHUB_ENV"', 'echo "$RUNNER_TOOL_CACHE"/node/24.*/x64/bin >> "$GITHUB_PATH"'),
      script('echo "a=$TITLE" >> "$GITHUB_OUTPUT"'),
    ],
    bad: [
      script('echo "TITLE=$TITLE" >> "$GITHUB_ENV"'),
      script('cat pr.env >> "$GITHUB_ENV"').replace('cat pr.env', 'echo `cat pr.env`'),
      script('echo "$(cat folder)" >> $GITHUB_PATH'),
      script('tee -a "$GITHUB_ENV" < file'),
    ],
  },
  W17: {
    good: [step(`uses: x/y@${SHA} # v1`), step('uses: $/actions/scan-deps')],
    bad: [step('uses: org/actions/build-image@v1'), step('uses: x/y@main'), step('uses: docker://alpine:3')],
  },
  W18: {
    good: [release(harden('block')), step('run: x')],
    bad: [
      release(''),
      release(harden('audit')),
      release(harden('block', '')),
      `${release(harden('block'))}    needs: k\n  k:\n    permissions: {}\n    steps: [{ run: x }]\n`,
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

test.each(['plan', 'stage', 'revert'])("trap 43: the secrets' environment is missing in %s", (missing) => {
  const text = readFileSync(join(root, 'workflows/canary.yml'), 'utf8');
  const start = text.indexOf(`\n  ${missing}:`);
  const at = text.indexOf('    environment:\n', start);
  const without = text.slice(0, at) + text.slice(at).replace(/ {4}environment:\n( {6}.*\n)+/, '');
  const names = (file: string): string[] =>
    checkWorkflow(readWorkflow('f.yml', file), pins, ['W06']).map((p) => p.message);
  expect(names(text)).toEqual([]);
  expect(names(without)).toEqual([`job ${missing} reads a deploy secret without an environment`]);
});

test('W08: caller and callee never share a group', () => {
  const file = (name: string) => readWorkflow(name, 'concurrency: { group: g }\njobs: {}\n');
  expect(sharedGroups([file('a'), file('b')]).map((p) => p.file)).toEqual(['b']);
});
