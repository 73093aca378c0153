/** How long a large lock takes, in one process, beside the parser that one would take without wanting lines. */
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { parse as parseToml } from 'smol-toml';
import { parse as parseYaml } from 'yaml';
import type { ExtractContext } from '../../src/scan-deps/extract/context.ts';
import { extractorOf, type SingleFormat } from '../../src/scan-deps/extract/index.ts';
import { LIMITS } from '../../src/scan-deps/types.ts';
import type { Bench } from '../lib/bench.ts';
import { ratio, spread, timed } from '../lib/measure.ts';

const RUNS = 15;
const CONTEXT: ExtractContext = { limits: LIMITS, files: [], read: () => 'missing' };

interface Case {
  name: string;
  format: SingleFormat;
  file: string;
  text: string;
  /** Milliseconds, by the specification; absent: measured, not limited. */
  most?: number;
  peer: [string, (text: string) => unknown];
}

export const run: Bench = async () => {
  const rows: string[][] = [];
  const limits: { name: string; measured: number; most: number; unit: string }[] = [];
  const facts: Record<string, unknown> = {
    smolToml: versionOf('smol-toml'),
    yaml: versionOf('yaml'),
    jsYaml: versionOf('js-yaml'),
  };
  for (const { name, format, file, text, most, peer } of cases()) {
    const extract = await extractorOf(format);
    let packages = 0;
    const ours = await timed(RUNS, async () => {
      packages = extract(text, file, CONTEXT).deps.length;
    });
    const theirs = await timed(Math.min(RUNS, 5), async () => peer[1](text));
    const [a, b] = [spread(ours), spread(theirs)];
    const ms = (seconds: number): string => (seconds * 1000).toFixed(0);
    rows.push([
      name,
      (text.length / 1e6).toFixed(1),
      String(packages),
      `${ms(a.median)} (${ms(a.least)}-${ms(a.most)})`,
      ms(ours[0] ?? 0),
      `${peer[0]} ${ms(b.median)}`,
      ratio(a.median, b.median),
      most === undefined ? '-' : String(most),
    ]);
    if (most !== undefined)
      limits.push({ name: `${name}, least of ${RUNS} runs,`, measured: Math.round(a.least * 1000), most, unit: 'ms' });
    facts[name] = { bytes: text.length, packages, ours, theirs };
  }
  return {
    about: `Median of ${RUNS} runs of each extractor over a made lock: packages with lines, scopes and edges.`,
    columns: [
      'lock',
      'MB',
      'packages',
      'ms (least-most)',
      'first run ms',
      'other parser, median ms',
      'ratio',
      'wanted ms',
    ],
    rows,
    facts,
    limits,
    notes: [
      'The other parser gives values only: no lines, scopes or edges.',
      'The first run in a process is what a scan pays; it holds the compilation of the code.',
      'The limits are held against the least of the runs: on a machine that others use too it is nearest to the work itself.',
    ],
  };
};

function versionOf(name: string): string {
  const require = createRequire(import.meta.url);
  const entry = require.resolve(name);
  const root = entry.slice(0, entry.lastIndexOf(`node_modules/${name}/`) + `node_modules/${name}/`.length);
  return (require(`${root}package.json`) as { version: string }).version;
}

function cases(): Case[] {
  const hex = (i: number, length: number): string =>
    createHash('sha512').update(String(i)).digest('hex').slice(0, length);
  const sri = (i: number): string => `sha512-${createHash('sha512').update(String(i)).digest('base64')}`;
  const version = (i: number): string => `${i % 7}.${i % 31}.${i % 13}`;
  /** Edges to later packages, as a tree of requirements. */
  const wants = (i: number, count: number): number[] => [2 * i + 1, 2 * i + 2].filter((j) => j < count);
  const filled = (bytes: number, make: (count: number) => string): string => {
    const each = make(200).length / 200;
    return make(Math.round(bytes / each));
  };
  const list = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
  const pnpm = (count: number): string =>
    [
      "lockfileVersion: '9.0'\n\nsettings:\n  autoInstallPeers: true\n\nimporters:\n\n  .:\n    dependencies:\n      package-0:\n        specifier: ^0.0.0\n        version: 0.0.0\n\npackages:\n",
      ...list(count).map(
        (i) => `  package-${i}@${version(i)}:\n    resolution: {integrity: ${sri(i)}}\n    engines: {node: '>=18'}\n`,
      ),
      'snapshots:\n',
      ...list(count).map((i) => {
        const lines = wants(i, count).map((j) => `      package-${j}: ${version(j)}\n`);
        return lines.length === 0
          ? `  package-${i}@${version(i)}: {}\n`
          : `  package-${i}@${version(i)}:\n    dependencies:\n${lines.join('')}`;
      }),
    ].join('\n');
  const yarn = (count: number): string =>
    `# yarn lockfile v1\n\n\n${list(count)
      .map((i) => {
        const lines = wants(i, count).map((j) => `    package-${j} "^${version(j)}"\n`);
        return `package-${i}@^${version(i)}:\n  version "${version(i)}"\n  resolved "https://registry.example.com/package-${i}/-/package-${i}-${version(i)}.tgz#${hex(i, 40)}"\n  integrity ${sri(i)}\n${lines.length === 0 ? '' : `  dependencies:\n${lines.join('')}`}`;
      })
      .join('\n')}`;
  const uv = (count: number): string =>
    `version = 1\nrequires-python = ">=3.11"\n\n${list(count)
      .map((i) => {
        const lines = wants(i, count).map((j) => `    { name = "package-${j}" },\n`);
        const file = (kind: string): string =>
          `{ url = "https://files.example.com/packages/${hex(i, 64)}/package_${i}-${version(i)}${kind}", hash = "sha256:${hex(i, 64)}", size = 12345 }`;
        const wheels = list(6).map((w) => `    ${file(`-cp3${w}-none-any.whl`)},\n`);
        return `[[package]]\nname = "package-${i}"\nversion = "${version(i)}"\nsource = { registry = "https://pypi.example.com/simple" }\n${lines.length === 0 ? '' : `dependencies = [\n${lines.join('')}]\n`}sdist = ${file('.tar.gz')}\nwheels = [\n${wheels.join('')}]\n`;
      })
      .join('\n')}`;
  const npm = (count: number): string => {
    const packages = list(count).map((i) => [
      `node_modules/package-${i}`,
      {
        version: version(i),
        resolved: `https://registry.example.com/package-${i}/-/package-${i}-${version(i)}.tgz`,
        integrity: sri(i),
        dependencies: Object.fromEntries(wants(i, count).map((j) => [`package-${j}`, `^${version(j)}`])),
        engines: { node: '>=18' },
      },
    ]);
    return JSON.stringify(
      { lockfileVersion: 3, packages: { '': { dependencies: { 'package-0': '*' } }, ...Object.fromEntries(packages) } },
      null,
      2,
    );
  };
  return [
    {
      name: 'pnpm-lock 9',
      format: 'pnpm-lock',
      file: 'pnpm-lock.yaml',
      text: filled(1e6, pnpm),
      most: 150,
      peer: ['yaml', parseYaml],
    },
    {
      name: 'yarn.lock 1',
      format: 'yarn-lock',
      file: 'yarn.lock',
      text: filled(2e6, yarn),
      most: 60,
      peer: ['split into lines', (text) => text.split('\n').length],
    },
    {
      name: 'uv.lock',
      format: 'uv-lock',
      file: 'uv.lock',
      text: filled(1.3e6, uv),
      most: 100,
      peer: ['smol-toml', parseToml],
    },
    {
      name: 'package-lock 3',
      format: 'package-lock',
      file: 'package-lock.json',
      text: npm(10_000),
      peer: ['JSON.parse', JSON.parse],
    },
  ];
}
