/** What the benches of scan-deps scan: projects, databases, and the action as a process. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { measureProcess } from '../lib/measure.ts';
import { endOf } from './_zip.ts';

/** The committed bundle; SCAN_DEPS_BUNDLE names another one, such as one just built. */
export const BUNDLE = process.env.SCAN_DEPS_BUNDLE ?? join(import.meta.dirname, '../../dist/scan-deps/index.js');

/** Folder with `<ECOSYSTEM>/all.zip` of real advisories. @throws when BENCH_OSV_DIR does not name one */
export function realDatabase(): string {
  const folder = process.env.BENCH_OSV_DIR ?? '';
  if (!existsSync(join(folder, 'PyPI/all.zip')))
    throw new Error('BENCH_OSV_DIR must name a folder laid out like the public OSV export, with PyPI/all.zip');
  return folder;
}

export interface World extends Disposable {
  root: string;
  write(path: string, content: string | Uint8Array): string;
}

/** A folder with a git repository in it. */
export function world(files: Readonly<Record<string, string>>): World {
  const folder = mkdtempSync(join(tmpdir(), 'bench-scan-'));
  const root = join(folder, 'work');
  const write = (path: string, content: string | Uint8Array): string => {
    const at = join(root, path);
    mkdirSync(dirname(at), { recursive: true });
    writeFileSync(at, content);
    return at;
  };
  for (const [path, content] of Object.entries(files)) write(path, content);
  for (const args of [
    ['init', '-q', '.'],
    ['add', '-A'],
  ])
    execFileSync('git', args, { cwd: root, env: { PATH: process.env.PATH, HOME: folder } });
  return { root, write, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

export interface Measured {
  seconds: number;
  peak: number;
  code: number | null;
  output: string;
}

/** One scan as a runner starts it. @throws when it did not come to a report */
export async function scan(root: string, inputs: Readonly<Record<string, string>>, cache?: string): Promise<Measured> {
  const temp = join(root, '..', 'temp');
  mkdirSync(temp, { recursive: true });
  const env = {
    PATH: process.env.PATH,
    HOME: temp,
    RUNNER_TEMP: temp,
    GITHUB_WORKSPACE: root,
    GITHUB_OUTPUT: join(temp, 'output'),
    GITHUB_STEP_SUMMARY: join(temp, 'summary'),
    ...(cache === undefined ? {} : { RUNNER_TOOL_CACHE: cache }),
    ...Object.fromEntries(
      Object.entries({ paths: '.', 'max-database-age': 'none', ...inputs }).map(([k, v]) => [
        `INPUT_${k.toUpperCase()}`,
        v,
      ]),
    ),
  };
  const result = await measureProcess(process.execPath, [BUNDLE], { cwd: root, env });
  if (!/::notice title=scan-deps::(?:passed|failed)[:,]/.test(result.output))
    throw new Error(`the scan came to no report: ${result.output.slice(-2000)}`);
  return result;
}

export function requirements(names: readonly (readonly [string, string])[]): string {
  return `${names.map(([name, version]) => `${name}==${version}`).join('\n')}\n`;
}

export function npmLock(packages: readonly (readonly [string, string])[]): string {
  const entries = packages.map(([name, version]) => [
    `node_modules/${name}`,
    {
      version,
      resolved: `https://npm.example.org/${name}/-/x-${version}.tgz`,
      integrity: 'sha512-x',
      license: 'MIT',
    },
  ]);
  return JSON.stringify(
    {
      name: 'app',
      lockfileVersion: 3,
      requires: true,
      packages: { '': { name: 'app' }, ...Object.fromEntries(entries) },
    },
    null,
    2,
  );
}

/** A program on the PATH, or undefined. */
export function onPath(name: string): string | undefined {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
}

/** An archive of made-up npm advisories of about `bytes` inflated, with few packages in common, like the malware of the real one. */
export function syntheticNpm(bytes: number): { zip: Buffer; records: number } {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  let inflated = 0;
  let records = 0;
  for (; inflated < bytes; records += 1) {
    const name = Buffer.from(`MAL-2025-${records}.json`);
    const text = Buffer.from(JSON.stringify(syntheticRecord(records)));
    // A copy: the result is a view of a buffer of 16 KiB.
    const packed = Buffer.from(deflateRawSync(text, { level: 1 }));
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(8, 4);
    fields.writeUInt32LE(crc32(text), 10);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(text.length, 18);
    fields.writeUInt16LE(name.length, 22);
    const entry = Buffer.alloc(46);
    entry.write('PK\x01\x02', 0, 'latin1');
    entry.writeUInt16LE(20, 4);
    fields.copy(entry, 6);
    entry.writeUInt32LE(offset, 42);
    directory.push(entry, name);
    parts.push(Buffer.from('PK\x03\x04', 'latin1'), fields, name, packed);
    offset += 4 + fields.length + name.length + packed.length;
    inflated += text.length;
  }
  const list = Buffer.concat(directory);
  const end = endOf(records, list.length, offset);
  return { zip: Buffer.concat([...parts, list, end]), records };
}

function syntheticRecord(i: number): object {
  return {
    schema_version: '1.7.4',
    id: `MAL-2025-${i}`,
    modified: new Date(Date.UTC(2025, 0, 1) + i * 60_000).toISOString(),
    published: '2025-01-01T00:00:00Z',
    aliases: [`GHSA-${i.toString(36).padStart(12, '0')}`],
    summary: `Malicious code in package-${i} (npm)`,
    details: `The package package-${i} was found to hold malicious code. ${`Source ${i}: it reads the environment and sends it away. `.repeat(12)}`,
    severity: [{ type: 'CVSS_V3', score: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H' }],
    affected: [
      {
        package: { ecosystem: 'npm', name: `package-${i}`, purl: `pkg:npm/package-${i}` },
        ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }] }],
        versions: ['1.0.0', '1.0.1'],
        database_specific: { cwes: [{ cweId: 'CWE-506' }] },
      },
    ],
    references: [{ type: 'ADVISORY', url: `https://example.com/advisories/${i}` }],
    database_specific: { severity: 'CRITICAL', cwe_ids: ['CWE-506'] },
  };
}
