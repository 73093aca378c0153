/** The extractor of each format, loaded when the first file of it is read. */
import type { Format } from '../discover/formats.ts';
import type { Extractor } from './context.ts';

/** Requirements files include each other and are read together; see requirements.ts. */
export type SingleFormat = Exclude<Format, 'requirements'>;

// "eager": in the one file of the bundle, and not evaluated before it is asked for.
const EXTRACTORS: Readonly<Record<SingleFormat, () => Promise<Extractor>>> = {
  'package-lock': async () => (await import(/* webpackMode: "eager" */ './package-lock.ts')).extractPackageLock,
  'package-json': async () => (await import(/* webpackMode: "eager" */ './package-json.ts')).extractPackageJson,
  'pnpm-lock': async () => (await import(/* webpackMode: "eager" */ './pnpm-lock.ts')).extractPnpmLock,
  'yarn-lock': async () => (await import(/* webpackMode: "eager" */ './yarn-lock.ts')).extractYarnLock,
  'poetry-lock': async () => (await import(/* webpackMode: "eager" */ './poetry-lock.ts')).extractPoetryLock,
  'uv-lock': async () => (await import(/* webpackMode: "eager" */ './uv-lock.ts')).extractUvLock,
  'pipfile-lock': async () => (await import(/* webpackMode: "eager" */ './pipfile-lock.ts')).extractPipfileLock,
  pylock: async () => (await import(/* webpackMode: "eager" */ './pylock.ts')).extractPylock,
  pyproject: async () => (await import(/* webpackMode: "eager" */ './pyproject.ts')).extractPyproject,
  'go-mod': async () => (await import(/* webpackMode: "eager" */ './go-mod.ts')).extractGoMod,
  'cargo-lock': async () => (await import(/* webpackMode: "eager" */ './cargo-lock.ts')).extractCargoLock,
  'gemfile-lock': async () => (await import(/* webpackMode: "eager" */ './gemfile-lock.ts')).extractGemfileLock,
  'composer-lock': async () => (await import(/* webpackMode: "eager" */ './composer-lock.ts')).extractComposerLock,
  'gradle-lock': async () => (await import(/* webpackMode: "eager" */ './gradle-lock.ts')).extractGradleLock,
  'nuget-lock': async () => (await import(/* webpackMode: "eager" */ './nuget-lock.ts')).extractNugetLock,
};

export function extractorOf(format: SingleFormat): Promise<Extractor> {
  return EXTRACTORS[format]();
}
