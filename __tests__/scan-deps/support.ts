/** A git checkout, a folder database and a scan of it, as a workflow would do it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { zipSync } from 'fflate';
import type { Report } from '../../src/scan-deps/types.ts';
import { type ActionOptions, type ActionResult, runAction } from '../support/bundle.ts';
import { mustBeValid } from './schema-check.ts';

/** What is started: a built file of the action, by which Node. */
export type Started = Pick<ActionOptions, 'entry' | 'node'>;

/** All tests of the action run it from source; with these variables they run a bundle, or another Node. */
const { SCAN_DEPS_ENTRY: entry, SCAN_DEPS_NODE: node } = process.env;
export const started: Started = { ...(entry ? { entry } : {}), ...(node ? { node } : {}) };

export interface Checkout extends Disposable {
  root: string;
  write(path: string, content: string | Uint8Array): void;
  scan(inputs?: Record<string, string>, env?: Record<string, string>): Promise<Scan>;
}

export interface Scan extends ActionResult {
  /** Undefined when the run failed before there was one. */
  report: Report;
  sarif: { runs: { results: { ruleId: string; locations: object[] }[] }[] };
}

export function checkout(files: Record<string, string | Uint8Array>, git = true, how = started): Checkout {
  const folder = mkdtempSync(join(tmpdir(), 'scan-checkout-'));
  const root = join(folder, 'work');
  mkdirSync(root);
  const write = (path: string, content: string | Uint8Array): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  };
  for (const [path, content] of Object.entries(files)) write(path, content);
  const env = { PATH: process.env.PATH, HOME: folder };
  if (git) execFileSync('git', ['init', '-q', '.'], { cwd: root, env });
  return {
    root,
    write,
    async scan(inputs = {}, extra = {}) {
      if (git) execFileSync('git', ['add', '-A'], { cwd: root, env });
      const reports = join(folder, 'reports');
      const result = await runAction(
        'scan-deps',
        { paths: '.', 'report-dir': reports, ...inputs },
        { cwd: root, env: extra, ...how },
      );
      const read = (name: string): never => {
        try {
          return JSON.parse(readFileSync(join(reports, name), 'utf8')) as never;
        } catch {
          return undefined as never;
        }
      };
      const [report, sarif] = [read('scan-deps.json'), read('scan-deps.sarif')];
      mustBeValid(report, sarif);
      return { ...result, report, sarif };
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The bytes of an all.zip of these records. */
export function zipOf(records: readonly { id: string; modified?: string }[]): Uint8Array {
  const members = records.map((record) => [`${record.id}.json`, Buffer.from(JSON.stringify(record))] as const);
  return zipSync(Object.fromEntries(members), { mtime: '1980-01-01' });
}

export interface RecordFacts {
  name: string;
  eco?: string;
  aliases?: string[];
  events?: object[];
  versions?: string[];
  vector?: string;
  word?: string;
  more?: object;
}

export const MEDIUM = 'CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:C/C:H/I:N/A:N';
export const CRITICAL = 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H';

/** A record as OSV writes it. */
export function advisory(id: string, facts: RecordFacts): { id: string; modified: string } {
  const { name, eco = 'PyPI', aliases, events, versions, vector, word, more } = facts;
  return {
    id,
    modified: '2026-01-01T00:00:00Z',
    summary: `Hole in ${name}`,
    ...(aliases ? { aliases } : {}),
    ...(vector === undefined ? {} : { severity: [{ type: 'CVSS_V3', score: vector }] }),
    ...(word === undefined ? {} : { database_specific: { severity: word } }),
    affected: [
      {
        package: { ecosystem: eco, name },
        ...(events ? { ranges: [{ type: eco === 'npm' ? 'SEMVER' : 'ECOSYSTEM', events }] } : {}),
        ...(versions ? { versions } : {}),
      },
    ],
    ...more,
  } as { id: string; modified: string };
}

/** A lock of version 3. */
export function lockOf(packages: Record<string, object>, root: object = {}): string {
  return JSON.stringify({ name: 'app', lockfileVersion: 3, packages: { '': root, ...packages } }, null, 2);
}
