/** File names that mean packages. Pure, by name alone; what a manifest declares is asked of its text. */

export type Format =
  | 'requirements'
  | 'package-lock'
  | 'package-json'
  | 'pnpm-lock'
  | 'yarn-lock'
  | 'poetry-lock'
  | 'uv-lock'
  | 'pipfile-lock'
  | 'pylock'
  | 'pyproject'
  | 'go-mod'
  | 'cargo-lock'
  | 'gemfile-lock'
  | 'composer-lock'
  | 'gradle-lock'
  | 'nuget-lock';

const FORMATS = new Map<string, Format>([
  ['package-lock.json', 'package-lock'],
  ['npm-shrinkwrap.json', 'package-lock'],
  ['package.json', 'package-json'],
  ['pnpm-lock.yaml', 'pnpm-lock'],
  ['yarn.lock', 'yarn-lock'],
  ['poetry.lock', 'poetry-lock'],
  ['uv.lock', 'uv-lock'],
  ['Pipfile.lock', 'pipfile-lock'],
  ['pylock.toml', 'pylock'],
  ['pyproject.toml', 'pyproject'],
  ['go.mod', 'go-mod'],
  ['Cargo.lock', 'cargo-lock'],
  ['Gemfile.lock', 'gemfile-lock'],
  ['gems.locked', 'gemfile-lock'],
  ['composer.lock', 'composer-lock'],
  ['gradle.lockfile', 'gradle-lock'],
  ['buildscript-gradle.lockfile', 'gradle-lock'],
  ['packages.lock.json', 'nuget-lock'],
]);

/** As its users know it, how it is told, what it is. */
const PATTERNS: readonly [string, (name: string, path: string) => boolean, Format][] = [
  ['pylock.*.toml', (name) => /^pylock\.[^.]+\.toml$/.test(name), 'pylock'],
  ['requirements*.txt', (name) => /^requirements.*\.txt$/.test(name), 'requirements'],
  ['*requirements.txt', (name) => name.endsWith('requirements.txt'), 'requirements'],
  [
    'requirements/*.txt',
    (name, path) => base(folderOf(path)) === 'requirements' && name.endsWith('.txt'),
    'requirements',
  ],
];

/** All names and patterns of files that this version reads: what the README lists. */
export const READ_NAMES: readonly string[] = [...FORMATS.keys(), ...PATTERNS.map(([pattern]) => pattern)];

export const base = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
export const folderOf = (path: string): string => (path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '');
export const beside = (path: string, name: string): string =>
  folderOf(path) === '' ? name : `${folderOf(path)}/${name}`;

/** What this version reads. @param named the user named this very file: any .txt or .in counts as requirements */
export function formatOf(path: string, named = false): Format | undefined {
  const name = base(path);
  const format = FORMATS.get(name);
  if (format !== undefined) return format;
  const pattern = PATTERNS.find(([, test]) => test(name, path));
  if (pattern !== undefined) return pattern[2];
  return named && /\.(?:txt|in)$/.test(name) ? 'requirements' : undefined;
}

const JS_LOCKS = ['package-lock.json', 'npm-shrinkwrap.json', 'pnpm-lock.yaml', 'yarn.lock'];
/** The lock of the build script holds plugins only. */
const GRADLE_LOCKS = ['gradle.lockfile'];

/** Locks that this version cannot read. */
const UNREAD_LOCKS = new Set([
  'pdm.lock',
  'pixi.lock',
  'conda-lock.yml',
  'bun.lock',
  'bun.lockb',
  'deno.lock',
  'mix.lock',
  'pubspec.lock',
  'Podfile.lock',
  'Package.resolved',
  'paket.lock',
  'rebar.lock',
  'stack.yaml.lock',
]);

/** Manifests with the locks of their folder that govern them, of those that this version reads. */
const MANIFESTS = new Map<string, readonly string[]>([
  ['package.json', JS_LOCKS],
  // A Pipfile.lock locks a Pipfile, and says nothing about the project beside it.
  ['pyproject.toml', ['poetry.lock', 'uv.lock', 'pylock.toml']],
  ['Pipfile', ['Pipfile.lock']],
  ['setup.py', []],
  ['setup.cfg', []],
  ['environment.yml', []],
  ['Cargo.toml', ['Cargo.lock']],
  ['Gemfile', ['Gemfile.lock']],
  ['gems.rb', ['gems.locked']],
  ['composer.json', ['composer.lock']],
  ['pom.xml', []],
  ['build.gradle', GRADLE_LOCKS],
  ['build.gradle.kts', GRADLE_LOCKS],
  ['build.sbt', []],
  ['packages.config', ['packages.lock.json']],
  ['paket.dependencies', []],
  ['pubspec.yaml', []],
  ['mix.exs', []],
  ['Podfile', []],
  ['Package.swift', []],
]);
const DOTNET = /\.(?:cs|fs|vb)proj$/;

/** A lock in the same folder that this manifest needs no reading beside. */
export function governorOf(path: string, listing: ReadonlySet<string>): string | undefined {
  const name = base(path);
  const locks = DOTNET.test(name) ? ['packages.lock.json'] : (MANIFESTS.get(name) ?? []);
  const found = locks.map((lock) => beside(path, lock)).find((lock) => listing.has(lock));
  if (found !== undefined || name !== 'pyproject.toml') return found;
  const prefix = beside(path, 'pylock.');
  return [...listing].find((file) => file.startsWith(prefix) && formatOf(file) === 'pylock');
}

/** A known manifest or lock that this version cannot read. @returns its kind */
export function unreadOf(path: string): 'manifest' | 'lock' | undefined {
  const name = base(path);
  if (UNREAD_LOCKS.has(name)) return 'lock';
  return DOTNET.test(name) || (MANIFESTS.has(name) && !FORMATS.has(name)) ? 'manifest' : undefined;
}

const DECLARES: readonly [RegExp, RegExp][] = [
  [/^setup\.(?:py|cfg)$/, /install_requires|extras_require|setup_requires|tests_require/],
  [/^Cargo\.toml$/, /dependencies[\].]/],
  [/^Pipfile$/, /^[ \t]*\[(?:dev-)?packages/m],
  [/^Gemfile$|^gems\.rb$/, /^[ \t]*(?:gem|gemspec)\b/m],
  [/^composer\.json$/, /"require(?:-dev)?"/],
  [/^pom\.xml$/, /<(?:dependency|plugin|parent|extension)[\s/>]/],
  [DOTNET, /<PackageReference\b/],
];

/**
 * Does the manifest declare packages at all? One that only sets up a tool is no reason for a warning. What is not known
 * here counts as declaring.
 */
export function declaresPackages(path: string, text: string): boolean {
  const pattern = DECLARES.find(([names]) => names.test(base(path)))?.[1];
  return pattern === undefined || pattern.test(text);
}
