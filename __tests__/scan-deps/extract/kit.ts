/** Extractors over texts, as discovery calls them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Format } from '../../../src/scan-deps/discover/formats.ts';
import { formatOf } from '../../../src/scan-deps/discover/formats.ts';
import type { ExtractContext, Extracted } from '../../../src/scan-deps/extract/context.ts';
import { extractorOf, type SingleFormat } from '../../../src/scan-deps/extract/index.ts';
import { extractRequirements } from '../../../src/scan-deps/extract/requirements.ts';
import { type Dep, LIMITS, type Limits } from '../../../src/scan-deps/types.ts';
import { wayIn } from '../../../src/scan-deps/way.ts';

export type Files = Record<string, string>;

export function context(files: Files = {}, limits: Partial<Limits> = {}): ExtractContext {
  return {
    limits: { ...LIMITS, ...limits },
    files: Object.keys(files),
    read: (path) => (files[path] === undefined ? 'missing' : Buffer.from(files[path])),
  };
}

/** @param file name of the file, which decides the format */
export async function extract(file: string, text: string, ctx: ExtractContext = context()): Promise<Extracted> {
  const format = formatOf(file) as Format;
  if (format === 'requirements') {
    return extractRequirements([file], { ...ctx, read: () => Buffer.from(text) })[0] as Extracted;
  }
  return (await extractorOf(format as SingleFormat))(text, file, ctx);
}

/** `line name version scope source`, in the order of the report. */
export const brief = (deps: readonly Dep[]): string[] =>
  deps.map((d) =>
    [d.line, d.name, d.version ?? `[${d.range ?? ''}]`, d.scope, d.source === 'registry' ? '' : d.source]
      .join(' ')
      .trim(),
  );

export const names = (deps: readonly Dep[]): string[] => deps.map((d) => `${d.name} ${d.version ?? ''}`.trim());

export function way(report: Extracted, name: string): string[] {
  return wayIn(report.deps)(report.deps.find((d) => d.name === name) as Dep);
}

export interface Fixture {
  /** Below fixtures/locks. */
  fixture: string;
  /** The name that a project would have. */
  file: string;
  format: string;
  packages: number;
}

export const FIXTURES: readonly Fixture[] = [
  { fixture: 'pip-compile.txt', file: 'requirements.txt', format: 'requirements', packages: 36 },
  { fixture: 'poetry-1.1.lock', file: 'poetry.lock', format: 'poetry-lock', packages: 36 },
  { fixture: 'poetry-2.0.lock', file: 'poetry.lock', format: 'poetry-lock', packages: 36 },
  { fixture: 'poetry-2.1.lock', file: 'poetry.lock', format: 'poetry-lock', packages: 36 },
  { fixture: 'uv-1.lock', file: 'uv.lock', format: 'uv-lock', packages: 37 },
  { fixture: 'pipfile-6.json', file: 'Pipfile.lock', format: 'pipfile-lock', packages: 36 },
  { fixture: 'pylock-1.0.toml', file: 'pylock.toml', format: 'pylock', packages: 36 },
  { fixture: 'pyproject.toml.txt', file: 'pyproject.toml', format: 'pyproject', packages: 36 },
  { fixture: 'npm-1.json', file: 'package-lock.json', format: 'package-lock', packages: 37 },
  { fixture: 'npm-2.json', file: 'package-lock.json', format: 'package-lock', packages: 37 },
  { fixture: 'npm-3.json', file: 'npm-shrinkwrap.json', format: 'package-lock', packages: 37 },
  { fixture: 'npm-manifest.json', file: 'package.json', format: 'package-json', packages: 36 },
  { fixture: 'pnpm-5.4.yaml', file: 'pnpm-lock.yaml', format: 'pnpm-lock', packages: 36 },
  { fixture: 'pnpm-6.0.yaml', file: 'pnpm-lock.yaml', format: 'pnpm-lock', packages: 36 },
  { fixture: 'pnpm-9.0.yaml', file: 'pnpm-lock.yaml', format: 'pnpm-lock', packages: 36 },
  { fixture: 'pnpm-11.yaml', file: 'pnpm-lock.yaml', format: 'pnpm-lock', packages: 37 },
  { fixture: 'yarn-1.lock', file: 'yarn.lock', format: 'yarn-lock', packages: 36 },
  { fixture: 'yarn-berry.lock', file: 'yarn.lock', format: 'yarn-lock', packages: 36 },
  { fixture: 'go-mod.txt', file: 'go.mod', format: 'go-mod', packages: 38 },
  { fixture: 'cargo-1.lock', file: 'Cargo.lock', format: 'cargo-lock', packages: 36 },
  { fixture: 'cargo-2.lock', file: 'Cargo.lock', format: 'cargo-lock', packages: 36 },
  { fixture: 'cargo-3.lock', file: 'Cargo.lock', format: 'cargo-lock', packages: 36 },
  { fixture: 'cargo-4.lock', file: 'Cargo.lock', format: 'cargo-lock', packages: 36 },
  { fixture: 'gemfile.lock', file: 'Gemfile.lock', format: 'gemfile-lock', packages: 38 },
  { fixture: 'composer.lock.json', file: 'composer.lock', format: 'composer-lock', packages: 36 },
  { fixture: 'gradle.txt', file: 'gradle.lockfile', format: 'gradle-lock', packages: 36 },
  { fixture: 'gradle-buildscript.txt', file: 'buildscript-gradle.lockfile', format: 'gradle-lock', packages: 36 },
  { fixture: 'nuget-1.json', file: 'packages.lock.json', format: 'nuget-lock', packages: 37 },
];

export const fixtureText = (name: string): string =>
  readFileSync(join(import.meta.dirname, '../fixtures/locks', name), 'utf8');

/** The manifest beside a yarn.lock of the fixtures. */
export const MANIFEST = JSON.stringify({
  dependencies: { 'amber-kit': '^0.0.0', 'birch-kit': '^1.7.3' },
  devDependencies: { 'cedar-kit': '^2.1.6' },
});
