/** The documents: what they name exists, and every code that somebody can meet is explained. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { load, loadAll } from 'js-yaml';
import { loadWorkflow } from '../../lab/runner/load.ts';
import { explainedCodes } from '../../tools/docs/errors-page.ts';
import { messagesOf } from '../../tools/docs/messages.ts';
import { readProgram } from '../../tools/docs/program.ts';
import { root } from '../support/bundle.ts';

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root });
const files = listed
  .toString('utf8')
  .split('\0')
  .filter((path) => path !== '' && existsSync(join(root, path)));
const pages = files.filter((path) => /\.md$/.test(path) && !/^bench\/|\/fixtures\//.test(path));
// Actions of others are named like paths.
const pins = Object.keys(JSON.parse(read('workflows/pins.json')) as object);
const scripts = Object.keys((JSON.parse(read('package.json')) as { scripts: object }).scripts);

interface Block {
  language: string;
  text: string;
}
const blocksOf = (page: string): Block[] =>
  [...read(page).matchAll(/^( *)```(\w*)\n([\s\S]*?)^ *```/gm)].map((match) => ({
    language: match[2] ?? '',
    text: (match[3] ?? '').replaceAll(new RegExp(`^${match[1] ?? ''}`, 'gm'), ''),
  }));
const prose = (page: string): string => read(page).replaceAll(/^ *```[\s\S]*?^ *```/gm, '');

/** As GitHub makes them: lower case, punctuation left out, blanks to dashes. */
const anchorsOf = (page: string): Set<string> =>
  new Set(
    [...prose(page).matchAll(/^#+ (.+)$/gm)].map((match) =>
      (match[1] ?? '')
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );

test('there are pages, and blocks in them', () => {
  expect(pages).toEqual(expect.arrayContaining(['README.md', 'SECURITY.md', 'docs/errors.md']));
  expect(pages.flatMap(blocksOf).filter((b) => /^ya?ml$/.test(b.language)).length).toBeGreaterThan(15);
});

describe.each(pages)('%s', (page) => {
  test('every link leads to a file, and to a heading of it', () => {
    const broken = [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].flatMap((match) => {
      const [path = '', anchor] = (match[1] ?? '').split('#');
      if (/^https?:/.test(path)) return [];
      const target = path === '' ? page : normalize(join(dirname(page), path));
      if (!existsSync(join(root, target))) return [`${match[1]}: no such file`];
      return anchor === undefined || anchorsOf(target).has(anchor) ? [] : [`${match[1]}: no such heading`];
    });
    expect(broken).toEqual([]);
  });

  test('every path of this repository that it names is there', () => {
    const names = [
      ...prose(page).matchAll(/`((?:actions|bench|docs|dist|lab|src|tools|workflows|__tests__)\/[\w./-]*)`/g),
    ];
    const near = ['', `${dirname(page)}/`];
    const missing = names
      .map((match) => match[1] ?? '')
      .filter((name) => !pins.includes(name) && near.every((folder) => !existsSync(join(root, folder, name))));
    expect(missing).toEqual([]);
  });

  test('every npm script that it names exists', () => {
    const named = [...read(page).matchAll(/\bnpm (?:run(?: -s)? )?([a-z][\w:-]*)/g)].map((match) => match[1] ?? '');
    const npm = ['ci', 'install', 'package', 'packages', 'lock', 'registry', 'git'];
    expect(named.filter((name) => !scripts.includes(name) && !npm.includes(name))).toEqual([]);
  });

  test('YAML and JSON blocks parse; workflows and steps are what GitHub takes, with inputs that exist', async () => {
    for (const { language, text } of blocksOf(page)) {
      if (language === 'json') JSON.parse(text);
      if (!/^ya?ml$/.test(language)) continue;
      // Behind a real name stands a commit in a real workflow.
      const yaml = text.replaceAll('@<sha>', `@${'0'.repeat(40)}`);
      loadAll(yaml);
      const whole = asWorkflow(yaml);
      if (whole === undefined) continue;
      expect((await loadWorkflow(page, whole)).errors).toEqual([]);
      expect(unknownInputs(whole)).toEqual([]);
    }
  });
});

/** The block as a workflow: as it is, or with what a reader puts around jobs and steps; undefined when it is neither. */
function asWorkflow(yaml: string): string | undefined {
  const value = load(yaml, {}) as unknown;
  const indent = (text: string, by: number): string => text.replaceAll(/^(?=.)/gm, ' '.repeat(by));
  if (Array.isArray(value))
    return value.some((item) => Object.hasOwn(item, 'uses') && !Object.hasOwn(item, 'file'))
      ? `on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n${indent(yaml, 6)}`
      : undefined;
  const keys = Object.keys((value ?? {}) as object);
  if (keys.includes('steps') && keys.every((key) => ['steps', 'permissions'].includes(key)))
    return `on: push\njobs:\n  a:\n    runs-on: x\n${indent(yaml, 4)}`;
  if (!keys.includes('jobs')) return undefined;
  const { jobs } = value as { jobs: Record<string, { 'runs-on'?: unknown; uses?: unknown }> };
  const named = keys.includes('on') ? yaml : `on: push\n${yaml}`;
  // A job that is cut short in a page still needs a machine.
  const short = Object.entries(jobs).filter(([, job]) => job.uses === undefined && job['runs-on'] === undefined);
  return short.reduce((text, [id]) => text.replace(`  ${id}:\n`, `  ${id}:\n    runs-on: x\n`), named);
}

/** `step: input` for every input that an action or a reusable workflow of ours does not have. */
function unknownInputs(text: string): string[] {
  interface Uses {
    uses?: string;
    with?: object;
    secrets?: object;
    steps?: Uses[];
  }
  const { jobs } = load(text) as { jobs: Record<string, Uses> };
  return Object.values(jobs)
    .flatMap((job) => [job, ...(job.steps ?? [])])
    .flatMap(({ uses = '', with: given = {}, secrets = {} }) => {
      const ours = /^org\/actions\/(.+)@v\d+$/.exec(uses)?.[1];
      if (ours === undefined) return [];
      const called = ours.startsWith('.github/');
      const path = called ? ours.replace('.github/', '') : `actions/${ours}/action.yml`;
      if (!existsSync(join(root, path))) return [`${uses}: no such action`];
      const manifest = load(read(path)) as {
        inputs?: object;
        on?: { workflow_call: { inputs: object; secrets?: object } };
      };
      const inputs = manifest.on?.workflow_call.inputs ?? manifest.inputs ?? {};
      const kept = manifest.on?.workflow_call.secrets ?? {};
      return [
        ...Object.keys(given).filter((name) => !Object.hasOwn(inputs, name)),
        ...Object.keys(secrets).filter((name) => !Object.hasOwn(kept, name)),
      ].map((name) => `${uses}: ${name}`);
    });
}

test('every code of the sources is explained on a page, and listed with its texts', () => {
  const sources = files.filter((path) => /^(src|lab|tools)\/.*\.(ts|mjs)$/.test(path));
  const codes = new Set(
    sources.flatMap((path) => [...read(path).matchAll(/['"`]([EW]_[A-Z0-9_]+)['"`]/g)].map((match) => match[1] ?? '')),
  );
  const explained = new Set(
    pages.filter((page) => !page.startsWith('docs/errors')).flatMap((page) => explainedCodes(read(page))),
  );
  expect(codes.size).toBeGreaterThan(150);
  expect([...codes].filter((code) => !explained.has(code)).sort()).toEqual([]);
  // What a third-party action says has no code of ours.
  expect([...explained].filter((code) => !codes.has(code) && code !== 'E_ATTEST').sort()).toEqual([]);
  const list = new Set([...read('docs/errors.md').matchAll(/^### (\w+)$/gm)].map((match) => match[1]));
  expect([...explained].filter((code) => !list.has(code))).toEqual([]);
});

describe('texts out of the sources', () => {
  const texts = (source: string, more: Record<string, string> = {}) =>
    messagesOf(readProgram(new Map(Object.entries({ 'src/a/a.ts': source, ...more })))).map(
      (m) => `${m.code} ${m.text}`,
    );

  test('literals stand as they are, values of a run by their name', () => {
    expect(
      texts(
        "throw new ActionError('E_A', { what: `file ${oneLine(file, 9)}`, why: 'it is ' + size, fix: 'Mend it' });",
      ),
    ).toEqual(['E_A file <file>: it is <size>. Mend it.']);
  });

  test('a helper says what each of its callers says, over files too', () => {
    const helper = `export function bad(code: ErrorCode, why: string) {
      return new ActionError(code, { what: 'x', why, fix: 'y' });
    }`;
    const caller = "import { bad } from '../b.ts';\nthrow bad('E_A', 'one');\nthrow bad('E_B', 'two');";
    expect(texts(caller, { 'src/b.ts': helper })).toEqual(['E_A x: one. y.', 'E_B x: two. y.']);
  });

  test('a table gives code and advice of one key together; a condition has one answer in a message', () => {
    const tables = `const CODES = { a: 'E_A', b: 'E_B' }; const FIXES = { a: 'one', b: 'two' };
      function f(kind: Kind, bad: boolean) {
        throw new ActionError(CODES[kind], { what: bad ? 'p' : 'q', why: bad ? 'p' : 'q', fix: FIXES[kind] });
      }`;
    expect(texts(tables).sort()).toEqual(['E_A p: p. one.', 'E_A q: q. one.', 'E_B p: p. two.', 'E_B q: q. two.']);
  });

  test('warnings and notes count, and what calls itself without end is a value', () => {
    expect(texts("log.warning('W_A', 'careful'); const n = { code: 'W_B', message: `see ${place}` };")).toEqual([
      'W_A careful.',
      'W_B see <place>.',
    ]);
    expect(
      texts("const a = b; const b = a; throw new ActionError('E_A', { what: a, why: 'w', fix: 'f' });"),
    ).toHaveLength(1);
  });
});

test('docs/schemas.md lists every published schema, and each takes the document that it is for', () => {
  const listedSchemas = [...read('docs/schemas.md').matchAll(/\[([\w/.-]+\.schema\.json)\]/g)].map(
    (match) => match[1] ?? '',
  );
  const published = files.filter((path) => /^(actions|examples)\/.*\.schema\.json$/.test(path));
  expect([...listedSchemas].sort()).toEqual([...published].sort());
  const faults = (schema: string, value: unknown): unknown[] => {
    const check = new Ajv({ strict: false, formats: { date: true, 'date-time': true, uri: true } }).compile(
      JSON.parse(read(schema)),
    );
    return check(value) ? [] : [check.errors?.[0]];
  };
  const canary = 'actions/verify-canary/canary.schema.json';
  const rules = blocksOf('actions/verify-canary/README.md').filter((block) => /^version: 1\nmetrics:/.test(block.text));
  expect(rules).toHaveLength(1);
  for (const text of [rules[0]?.text ?? '', read('examples/histogram-eq/.canary.yaml'), read('lab/demo/canary.yaml')])
    expect(faults(canary, load(text))).toEqual([]);
  expect(faults(canary, { version: 2 })).toHaveLength(1);
  const ignore = 'actions/scan-deps/ignore.schema.json';
  const risks = blocksOf('actions/scan-deps/README.md').filter((block) => /^version: 1\nignore:/.test(block.text));
  expect(faults(ignore, JSON.parse(JSON.stringify(load(risks[0]?.text ?? ''))))).toEqual([]);
  expect(faults(ignore, { version: 1, ignore: [{}] })).toHaveLength(1);
});
