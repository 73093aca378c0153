/** Reports to write, and the official schemas to hold them to. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Ajv } from 'ajv';
import type { Dep, Finding, Report } from '../../src/scan-deps/types.ts';

/** Words that have broken a writer somewhere: line breaks, commands of a runner, ANSI, bidi, Markdown, HTML, paths, prototypes. */
const PIECES = [
  'a',
  'B',
  '1',
  '-',
  '_',
  '.',
  '/',
  '@',
  '\r',
  '\n',
  '\r\n::stop-commands::x',
  '::add-mask::y',
  '##[error]',
  '\u001b[31m',
  '\u001b]8;;https://x\u0007',
  '\u0000',
  '\u0008',
  '\u007f',
  '\u0085',
  '\u009b31m',
  '\u202e',
  '\u2066',
  '\u200b',
  '\u2028',
  '\ufeff',
  '|',
  '<img src=x onerror=1>',
  '<!--',
  '</details>',
  '](https://evil)',
  '[x](https://evil)',
  '![x](https://evil)',
  '`',
  '``',
  '$(id)',
  ';',
  '&',
  '%0A',
  '%',
  '{0}',
  '{',
  '}',
  '\\',
  '"',
  "'",
  '@everyone',
  '#1',
  'https://evil',
  '__proto__',
  '\ud800',
  '\udc00',
  '😀',
  'é',
  '\t',
  ' ',
  '#',
  '?',
  ':',
  '~',
  '*',
];

/** The same names on every machine. */
export function hostileNames(count: number, seed = 20260801): string[] {
  let state = seed;
  const random = (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  return Array.from({ length: count }, () =>
    Array.from({ length: 1 + random(8) }, () => PIECES[random(PIECES.length)] ?? '').join(''),
  );
}

/** Controls that no report may hold raw (a line feed ends a line), and the start of every ANSI sequence. */
export const RAW = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;

export function findingOf(more: Partial<Finding> = {}): Finding {
  return {
    eco: 'npm',
    package: 'pkg',
    key: 'pkg',
    version: '1.0.0',
    file: 'package-lock.json',
    line: 3,
    endLine: 3,
    exact: true,
    scope: 'runtime',
    constraintOnly: false,
    way: ['pkg'],
    verdict: 'certain',
    id: 'CVE-2020-1',
    ids: ['CVE-2020-1'],
    summary: 'A hole',
    level: 'high',
    score: 7.5,
    vector: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N',
    malicious: false,
    fixed: '2.0.0',
    by: 'range',
    state: 'block',
    reason: 'high, fail-on is high',
    ...more,
  };
}

export function depOf(more: Partial<Dep> = {}): Dep {
  return {
    eco: 'npm',
    name: 'pkg',
    key: 'pkg',
    version: '1.0.0',
    file: 'package-lock.json',
    line: 3,
    endLine: 3,
    exact: true,
    scope: 'runtime',
    via: [],
    source: 'registry',
    ...more,
  };
}

export function reportOf(findings: Finding[], more: Partial<Report> = {}): Report {
  return {
    version: 1,
    result: 'failed',
    complete: true,
    source: { kind: 'database', url: 'db', freshness: '2026-01-01T00:00:00.000Z' },
    mode: 'full',
    coverage: {
      files: [],
      packages: 1,
      unpinned: 0,
      unjudged: 0,
      private: 0,
      notRegistry: 0,
      unsupported: [],
      asked: 1,
      answered: 1,
      unanswered: [],
      disagreements: 0,
    },
    findings,
    ignores: [],
    problems: [],
    notices: [],
    ...more,
  };
}

/** A report in which every text is the name. */
export function hostileReport(names: readonly string[]): { report: Report; deps: Dep[] } {
  const ecos = ['npm', 'PyPI', 'Go', 'crates.io', 'RubyGems', 'Packagist', 'Maven', 'NuGet'] as const;
  const states = ['block', 'warn', 'existing', 'info', 'ignored'] as const;
  const findings = names.map((n, i) => {
    const eco = ecos[i % ecos.length] ?? 'npm';
    const version = i % 3 === 0 ? { range: n } : { version: n };
    const base = findingOf({
      eco,
      package: n,
      key: n,
      file: n,
      way: [n, n],
      id: n,
      ids: [n, 'CVE-2020-1'],
      summary: n,
      reason: n,
      vector: n,
      fixed: n,
      state: states[i % 5] ?? 'block',
    });
    if (i % 3 === 0) delete base.version;
    return { ...base, ...version };
  });
  const deps = names.map((n, i) =>
    depOf({ eco: ecos[i % ecos.length] ?? 'npm', name: n, key: n, version: n, file: n, via: [n, 'x'] }),
  );
  const [n = ''] = names;
  const problems = names.slice(0, 50).map((message) => ({ code: 'E_LIMIT' as const, message, file: message, line: 1 }));
  const notices = names.slice(0, 5).map((message) => ({ code: 'W_UNSUPPORTED' as const, message, file: message }));
  const report = reportOf(findings, { problems, notices, source: { kind: 'api', url: n } });
  report.coverage = { ...report.coverage, unanswered: [...names], unsupported: [...names] };
  return { report, deps };
}

type Check = (value: unknown) => string[];

/** @returns undefined where the package that carries the schemas is not installed */
export function cyclonedxCheck(): Check | undefined {
  const folder = packageFolder('@cyclonedx/cyclonedx-library', 'res/schema');
  if (folder === undefined) return undefined;
  const load = (name: string): object => JSON.parse(readFileSync(join(folder, name), 'utf8')) as object;
  const ajv = ajvWithFormats();
  for (const name of ['spdx.SNAPSHOT.schema.json', 'jsf-0.82.SNAPSHOT.schema.json'])
    ajv.addSchema(load(name), `http://cyclonedx.org/schema/${name}`);
  return checkOf(ajv, load('bom-1.6.SNAPSHOT.schema.json'));
}

/** @returns undefined where the package that carries the schema is not installed */
export function sarifCheck(): Check | undefined {
  const folder = packageFolder('@microsoft/jest-sarif', 'lib/schemas');
  if (folder === undefined) return undefined;
  // Draft 4 but for the name of its id: no keyword in it has another meaning in draft 7.
  const {
    id: _id,
    $schema: _schema,
    ...schema
  } = JSON.parse(readFileSync(join(folder, 'sarif-2.1.0-rtm.5.json'), 'utf8')) as Record<string, unknown>;
  return checkOf(ajvWithFormats(), schema);
}

function packageFolder(name: string, below: string): string | undefined {
  try {
    const folder = join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), below);
    return existsSync(folder) ? folder : undefined;
  } catch {
    return undefined;
  }
}

function ajvWithFormats(): Ajv {
  const reference = (text: string): boolean =>
    URL.canParse(text, 'https://example.invalid/') && !/[\s<>"{}|\\^`]/.test(text);
  const ajv = new Ajv({ strict: false, unicodeRegExp: false });
  ajv.addFormat(
    'date-time',
    (text: string) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(text) && !Number.isNaN(Date.parse(text)),
  );
  ajv.addFormat('uri', (text: string) => URL.canParse(text) && reference(text));
  for (const name of ['uri-reference', 'iri-reference']) ajv.addFormat(name, reference);
  ajv.addFormat('idn-email', /^[^@\s]+@[^@\s]+$/);
  return ajv;
}

function checkOf(ajv: Ajv, schema: object): Check {
  const validate = ajv.compile(schema);
  return (value) =>
    validate(value)
      ? []
      : (validate.errors ?? []).slice(0, 3).map((e) => `${e.instancePath} ${e.message} ${JSON.stringify(e.params)}`);
}
