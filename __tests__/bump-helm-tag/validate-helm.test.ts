import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ActionError, actionsLog, type Exec, type ExecOptions, systemExec } from '../../src/runner/index.ts';
import { ensureHelm } from '../../tools/helm/index.ts';
import { bytes, CHART_YAML, type Files, HEAD, refusal, repositoryOf, world } from './validate-support.ts';

let bin: string;
let realHelm: string;
beforeAll(async () => {
  bin = mkdtempSync(join(tmpdir(), 'helm-bin-'));
  realHelm = pathWith('real', await ensureHelm(fileURLToPath(new URL('../../.lab', import.meta.url))));
});
afterAll(() => rmSync(bin, { recursive: true, force: true }));

/** A PATH on which `helm` is this program, or this shell script. */
function pathWith(name: string, program: string): string {
  const folder = join(bin, name);
  mkdirSync(folder);
  const helm = join(folder, 'helm');
  if (program.startsWith('/')) symlinkSync(program, helm);
  else {
    writeFileSync(helm, `#!/bin/sh\nif [ "$1" = version ]; then echo v3.99.0+g1; exit 0; fi\n${program}\n`);
    chmodSync(helm, 0o755);
  }
  return `${folder}:/usr/bin:/bin`;
}

const TEMPLATE = 'kind: ConfigMap\ndata: {tag: {{ required "a tag is needed" .Values.image.tag | quote }}}\n';
const CHART: Files = {
  'chart/Chart.yaml': CHART_YAML,
  'chart/values.yaml': 'image: {tag: v1}\n',
  'chart/templates/web.yaml': TEMPLATE,
  'env/dev.yaml': 'image:\n  tag: v1\n',
};
const WISH = { mode: 'helm' as const, values: ['env/dev.yaml'] };
const edit = (text: string): ReadonlyMap<string, Uint8Array> => new Map([['env/dev.yaml', bytes(text)]]);
const GOOD = edit('image:\n  tag: v2\n');

async function once(
  options: {
    path?: string;
    files?: Files;
    wish?: object;
    edits?: ReadonlyMap<string, Uint8Array>;
    exec?: Exec;
    seconds?: number;
    signal?: AbortSignal;
  } = {},
) {
  const { files = CHART, wish = {}, edits = GOOD, path = realHelm, ...rest } = options;
  await using w = world({ ...WISH, ...wish }, repositoryOf({ [HEAD]: files }), { path, ...rest });
  const told = await refusal(w.validate(HEAD, edits));
  // Whatever the end was, nothing is left behind.
  expect(w.left()).toEqual([]);
  return { told, lines: w.log.lines };
}

describe('with real helm', () => {
  test('a chart that renders is fine; the version is told', async () => {
    const { told, lines } = await once();
    expect(told).toBe('fine');
    expect(lines.join('\n')).toMatch(/helm v[34]\.\d+.*\n.*renders the chart/);
  });
  test('acceptance 23: values that the chart refuses, in the words of helm', async () => {
    const { told } = await once({ edits: edit('image:\n  tag: null\n') });
    expect(told).toMatch(/^E_VALIDATION_FAILED validate: helm: .*a tag is needed; nothing was written/);
    expect(told).toContain('web/templates/web.yaml');
    expect(told).not.toMatch(/\n|validate-/);
  });
  test('the schema of the chart counts, and reaches no network', async () => {
    const schema = (text: string): Files => ({ ...CHART, 'chart/values.schema.json': text });
    expect((await once({ files: schema('{"required":["port"]}') })).told).toMatch(/^E_VALIDATION_FAILED .*port/);
    const remote = await once({ files: schema('{"$ref":"https://schema.invalid/x.json"}') });
    expect(remote.told).toMatch(/^E_VALIDATION_FAILED .*(127\.0\.0\.1:9|schema\.invalid)/);
  });
  test('a chart in the root, values files within it and with odd names', async () => {
    const root = {
      'Chart.yaml': CHART_YAML,
      'templates/web.yaml': TEMPLATE,
      'env/a,b "c".yaml': 'image: {tag: v1}',
      '-x.yaml': 'other: 1',
    };
    const values = ['env/a,b "c".yaml', '-x.yaml'];
    const edits = new Map([['env/a,b "c".yaml', bytes('image: {tag: v2}')]]);
    expect((await once({ files: root, wish: { chart: '.', values }, edits })).told).toBe('fine');
    const bad = new Map([['env/a,b "c".yaml', bytes('image: {}')]]);
    expect((await once({ files: root, wish: { chart: '.', values }, edits: bad })).told).toContain('a tag is needed');
  });
  test('a later values file wins', async () => {
    const files = { ...CHART, 'env/last.yaml': 'image: {tag: null}' };
    expect((await once({ files, wish: { values: ['env/last.yaml', 'env/dev.yaml'] } })).told).toBe('fine');
    expect((await once({ files, wish: { values: ['env/dev.yaml', 'env/last.yaml'] } })).told).toContain(
      'a tag is needed',
    );
  });
  test('a dependency that is not there is not fetched', async () => {
    const dependency = 'dependencies: [{name: db, version: 1.0.0, repository: "https://charts.invalid"}]\n';
    const { told } = await once({ files: { ...CHART, 'chart/Chart.yaml': CHART_YAML + dependency } });
    expect(told).toMatch(/^E_VALIDATION_FAILED .*missing in charts/);
  });
  test('a template that is none, files that are not UTF-8', async () => {
    expect((await once({ files: { ...CHART, 'chart/templates/x.yaml': '{{ if }}' } })).told).toContain(
      'missing value for if',
    );
    expect((await once({ files: { ...CHART, 'chart/files/x.bin': new Uint8Array([0xff, 0, 1]) } })).told).toBe('fine');
  });
  test('a template cannot read the environment or files beside the chart', async () => {
    const template =
      'kind: x\ndata: {{ .Files.Get "../env/dev.yaml" | quote }}\nmore: {{ fail (printf "<%s>" (.Files.Get "../../../etc/passwd")) }}\n';
    expect((await once({ files: { ...CHART, 'chart/templates/x.yaml': template } })).told).toContain('<>');
  });
});

describe('validate: schema says what helm says', () => {
  /** Starts helm once a look, not twice. */
  const knownVersion: Exec = (file, args, options) =>
    args[0] === 'version' ? systemExec('/bin/echo', ['v4.0.0']) : systemExec(file, args, options);
  const D4 = 'http://json-schema.org/draft-04/schema#';
  const D6 = 'http://json-schema.org/draft-06/schema#';
  const D7 = 'http://json-schema.org/draft-07/schema#';
  const D19 = 'https://json-schema.org/draft/2019-09/schema';
  const on = (...schemas: string[]): string[] => schemas;
  const tuple = { properties: { l: { items: [{ type: 'string' }], additionalItems: { type: 'integer' } } } };
  const cases: [string, string[], object, string[]][] = [
    [
      'bounds of draft 4',
      on(D4),
      { properties: { s: { minimum: 3, exclusiveMinimum: true, maximum: 5, exclusiveMaximum: false } } },
      ['s: 3', 's: 4', 's: 5', 's: 6'],
    ],
    ['bounds since draft 6', on(D6, ''), { properties: { s: { exclusiveMinimum: 3 } } }, ['s: 3', 's: 4']],
    ['items as a list', on(D4, D19), tuple, ['l: [a]', 'l: [1]', 'l: [a, 1]', 'l: [a, b]', 'l: []']],
    [
      'additionalItems without a list',
      on(D19),
      { properties: { l: { items: { type: 'string' }, additionalItems: false } } },
      ['l: [a, b]', 'l: [1]'],
    ],
    [
      'prefixItems',
      on(''),
      { properties: { l: { prefixItems: [{ type: 'string' }], items: false } } },
      ['l: [a]', 'l: [a, b]'],
    ],
    [
      'what stands beside a reference',
      on(D7, D19),
      { properties: { s: { $ref: '#/definitions/t', maximum: 1 } }, definitions: { t: { type: 'integer' } } },
      ['s: 2', 's: x'],
    ],
    [
      'an id that is an anchor',
      on(D6),
      { properties: { s: { $ref: '#t' } }, definitions: { t: { $id: '#t', type: 'integer' } } },
      ['s: 2', 's: x'],
    ],
    [
      'an id of draft 4',
      on(D4),
      {
        id: 'http://example.com/a.json',
        properties: { id: { $ref: '#t' } },
        definitions: { t: { id: '#t', type: 'integer' } },
      },
      ['id: 2', 'id: x'],
    ],
    [
      'an anchor',
      on(''),
      { properties: { s: { $ref: '#t' } }, $defs: { t: { $anchor: 't', type: 'integer' } } },
      ['s: 2', 's: x'],
    ],
    [
      'dependencies',
      on(D4, D7),
      { dependencies: { a: ['b'], c: { required: ['d'] } } },
      ['a: 1', 'a: 1\nb: 1', 'c: 1', 'c: 1\nd: 1'],
    ],
    ['dependentRequired', on(''), { dependentRequired: { a: ['b'] } }, ['a: 1', 'a: 1\nb: 1']],
    [
      'if, then, else',
      on(D7),
      JSON.parse('{"if":{"required":["a"]},"then":{"required":["b"]},"else":{"required":["c"]}}') as object,
      ['a: 1', 'a: 1\nb: 1', 'c: 1', 'd: 1'],
    ],
    [
      'unevaluatedProperties',
      on(''),
      { allOf: [{ properties: { a: {}, image: {} } }], unevaluatedProperties: false },
      ['a: 1', 'b: 1'],
    ],
    [
      'recursion',
      on(D19),
      { $recursiveAnchor: true, properties: { c: { $recursiveRef: '#' }, v: { type: 'integer' } } },
      ['c: {c: {v: 1}}', 'c: {c: {v: x}}'],
    ],
    [
      'numbers and their forms',
      on(D7),
      { properties: { s: { type: 'integer', multipleOf: 2 }, t: { type: 'string' } } },
      ['s: 4.0', 's: 3', 's: 1e1', 't: 1.10', 't: "1.10"', 't: 2001-01-01', 't: y'],
    ],
    [
      'patterns',
      on(D7),
      { properties: { t: { pattern: '^(?:[a-z0-9]+\\.)*[\\w\\-]+$' }, i: { pattern: '(?i)^ABC$' } } },
      ['t: a.b-c', 't: a b', 'i: abc', 'i: abd'],
    ],
    ['a null takes a default away', on(D7), { required: ['image'] }, ['image: null', 'x: null']],
    ['a format', on(''), { properties: { t: { format: 'ipv4' } } }, ['t: x']],
  ];
  test.each(cases)('%s', async (name, dialects, rules, values) => {
    const verdicts = new Set<string>();
    for (const $schema of dialects) {
      const schema = JSON.stringify($schema === '' ? rules : { $schema, ...rules });
      const files = { ...CHART, 'chart/templates/web.yaml': 'kind: x\n', 'chart/values.schema.json': schema };
      for (const text of values) {
        const look = async (mode: string) =>
          (await once({ files, wish: { mode }, edits: edit(text), exec: knownVersion })).told.split(' ')[0];
        const [ours, theirs] = [await look('schema'), await look('helm')];
        expect(`${$schema} ${text}: ${ours}`).toBe(`${$schema} ${text}: ${theirs}`);
        verdicts.add(ours ?? '');
      }
    }
    // A row whose values are all taken, or all refused, would show nothing. Formats are judged by neither.
    if (name !== 'a format') expect([...verdicts].sort()).toEqual(['E_VALIDATION_FAILED', 'fine']);
  });
});

describe('what helm is given', () => {
  test('a folder of its own for us alone, the repository as it is, nothing of the environment', async () => {
    const seen: { args: readonly string[]; options: ExecOptions | undefined; mode: number; files: string[] }[] = [];
    const exec: Exec = async (file, args, options) => {
      const cwd = options?.cwd ?? '';
      const files = readdirSync(cwd, { recursive: true }).map(String).sort();
      seen.push({ args, options, mode: statSync(join(cwd, '..')).mode & 0o777, files });
      return systemExec(file, args, options);
    };
    expect((await once({ exec })).told).toBe('fine');
    expect(seen.map(({ args }) => args.join(' '))).toEqual([
      'version --short',
      'template validate ./chart --values ./env/dev.yaml',
    ]);
    expect(seen[1]?.mode).toBe(0o700);
    expect(seen[1]?.files).toEqual([
      'chart',
      'chart/Chart.yaml',
      'chart/templates',
      'chart/templates/web.yaml',
      'chart/values.yaml',
      'env',
      'env/dev.yaml',
    ]);
    const env = seen[1]?.options?.env ?? {};
    expect(JSON.stringify(env)).not.toMatch(/marked-secret|proxy\.invalid/);
    expect(env.HOME).toMatch(/validation-.*\/home$/);
    for (const [name, value] of Object.entries(env))
      if (/^HELM_|KUBECONFIG/.test(name)) expect(value).toContain(env.HOME);
  });
  test('a file and a folder of one name: refused', async () => {
    const files = { ...CHART, 'chart/files': 'x', 'chart/files/y': 'z' };
    expect((await once({ files })).told).toMatch(/^E_PATH_FORBIDDEN .*cannot be written/);
  });
});

describe('a helm that misbehaves', () => {
  test('none on PATH', async () => {
    expect((await once({ path: '/nonexistent' })).told).toMatch(/^E_HELM_MISSING .*could not be started/);
  });
  test('too old, and no helm at all', async () => {
    const old = pathWith('old', '/bin/echo');
    expect((await once({ path: old })).told).toMatch(/^E_HELM_MISSING .*version --short is not helm 3 or newer/);
    expect((await once({ path: pathWith('false', '/bin/false') })).told).toMatch(/^E_HELM_MISSING/);
  });
  /** Ends helm when it says this line, as the signal or its time would. */
  const endAt =
    (line: string, end: () => void): Exec =>
    (file, args, options) =>
      systemExec(file, args, {
        ...options,
        onLine: (said) => {
          if (said === line) end();
        },
      });
  test('one that hangs is ended with the deadline, with all that it has started', async () => {
    // The child holds the output open: as long as it lives, exec waits.
    const path = pathWith('hangs', 'sleep 600 & echo ready; wait');
    const abort = new AbortController();
    const reason = new ActionError('E_TIMEOUT', { what: 'deadline', why: 'over', fix: 'x' });
    const exec = endAt('ready', () => abort.abort(reason));
    expect((await once({ path, signal: abort.signal, exec })).told).toMatch(/^E_TIMEOUT/);
  });
  test('one that takes more than its time', async () => {
    const exec: Exec = async (file, args, options) => {
      const over = new AbortController();
      const run = endAt('working', () => over.abort());
      const result = await run(file, args, { ...options, signal: over.signal });
      return { ...result, timedOut: args[0] === 'template' && options?.timeout === 60 };
    };
    const { told, lines } = await once({ path: pathWith('slow', 'echo working; exec sleep 600'), exec });
    expect(told).toMatch(/^E_VALIDATION_FAILED .*did not end within 60 s; nothing was written/);
    expect(lines).toContain('working');
  });
  test('one that dies of a signal is a failure, whatever it said', async () => {
    const { told } = await once({ path: pathWith('killed', 'echo fine; kill -9 $$') });
    expect(told).toMatch(/^E_VALIDATION_FAILED .*helm was ended by SIGKILL/);
  });
  test('workflow commands in its words are inert', async () => {
    const words = "printf 'x\\n::set-output name=a::b\\n##[error]x\\nError: bad\\n::error::x\\n' >&2; exit 1";
    await using w = world(WISH, repositoryOf({ [HEAD]: CHART }), { path: pathWith('commands', words) });
    const told = await refusal(w.validate(HEAD, GOOD));
    expect(told).toMatch(/^E_VALIDATION_FAILED validate: helm: bad ::error::x; nothing was written/);
    expect(told).not.toContain('\n');
    const printed: string[] = [];
    for (const line of w.log.lines) actionsLog('bump-helm-tag', (text) => printed.push(text)).info(line);
    expect(printed).toContain('| ::set-output name=a::b');
    expect(printed.filter((line) => /^\s*::|##\[/.test(line))).toEqual([]);
  });
  test('one that never stops talking: its last words only', async () => {
    const { told, lines } = await once({
      path: pathWith('talks', 'yes line | head -c 20000000; echo "Error: at last" >&2; exit 1'),
    });
    expect(told).toContain('validate: helm: at last;');
    expect(lines.join('\n').length).toBeLessThan(150_000);
  });
  test('one that fails without a word', async () => {
    expect((await once({ path: pathWith('mute', 'exit 7') })).told).toContain('helm ended with 7');
  });
});
