/** File names that mean packages. Pure, by name alone. */

export type Format = 'requirements' | 'package-lock';

const base = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
const folder = (path: string): string => (path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '');

/** What this version reads. @param named the user named this very file: any .txt or .in counts as requirements */
export function formatOf(path: string, named = false): Format | undefined {
  const name = base(path);
  if (name === 'package-lock.json' || name === 'npm-shrinkwrap.json') return 'package-lock';
  if (/^requirements.*\.txt$/.test(name) || name.endsWith('requirements.txt')) return 'requirements';
  if (base(folder(path)) === 'requirements' && name.endsWith('.txt')) return 'requirements';
  return named && /\.(?:txt|in)$/.test(name) ? 'requirements' : undefined;
}

const LOCKS = new Set([
  'poetry.lock',
  'uv.lock',
  'pdm.lock',
  'Pipfile.lock',
  'pylock.toml',
  'pixi.lock',
  'conda-lock.yml',
  'pnpm-lock.yaml',
  'yarn.lock',
  'bun.lock',
  'bun.lockb',
  'deno.lock',
  'go.mod',
  'Cargo.lock',
  'Gemfile.lock',
  'composer.lock',
  'gradle.lockfile',
  'buildscript-gradle.lockfile',
  'packages.lock.json',
  'mix.lock',
  'pubspec.lock',
  'Podfile.lock',
  'Package.resolved',
]);

/** Manifests, each with the locks of its own folder that govern it. */
const MANIFESTS: Readonly<Record<string, readonly string[]>> = {
  'package.json': ['package-lock.json', 'npm-shrinkwrap.json', 'pnpm-lock.yaml', 'yarn.lock', 'bun.lock', 'bun.lockb'],
  'pyproject.toml': ['poetry.lock', 'uv.lock', 'pdm.lock', 'pylock.toml'],
  Pipfile: ['Pipfile.lock'],
  'setup.py': [],
  'setup.cfg': [],
  'environment.yml': ['conda-lock.yml'],
  'Cargo.toml': ['Cargo.lock'],
  Gemfile: ['Gemfile.lock'],
  'composer.json': ['composer.lock'],
  'pom.xml': [],
  'build.gradle': ['gradle.lockfile'],
  'build.gradle.kts': ['gradle.lockfile'],
  'pubspec.yaml': ['pubspec.lock'],
  'mix.exs': ['mix.lock'],
};

export interface Unread {
  file: string;
  /** Set for a manifest that a lock of its folder governs. */
  lock?: string;
  /** A manifest may declare nothing; a lock is always about packages. */
  manifest: boolean;
}

/** A known manifest or lock that this version cannot read. */
export function unreadOf(path: string, listing: ReadonlySet<string>): Unread | undefined {
  const name = base(path);
  if (LOCKS.has(name) || /^pylock\..+\.toml$/.test(name)) return { file: path, manifest: false };
  if (name.endsWith('.csproj')) return { file: path, manifest: true };
  if (!Object.hasOwn(MANIFESTS, name)) return undefined;
  const beside = (other: string): string => (folder(path) === '' ? other : `${folder(path)}/${other}`);
  const lock = MANIFESTS[name]?.map(beside).find((other) => listing.has(other));
  return { file: path, manifest: true, ...(lock === undefined ? {} : { lock }) };
}

/**
 * Does the manifest declare packages at all? A pyproject.toml that only sets up a tool, or a package.json with nothing
 * but a name, is no reason for a warning. What is not known here counts as declaring.
 */
export function declaresPackages(path: string, text: string): boolean {
  const name = base(path);
  if (name === 'package.json') return /"(?:dev|optional|bundled?|)[dD]ependencies"\s*:\s*[{[]\s*"/.test(text);
  if (name === 'pyproject.toml') {
    return /^\s*(?:dependencies|requires-dist)\s*=|^\s*\[+\s*(?:project\.optional-dependencies|dependency-groups|tool\.(?:poetry|pdm)\.[\w.-]{0,60}dependencies)/m.test(
      text,
    );
  }
  if (name === 'setup.cfg' || name === 'setup.py') return /install_requires|extras_require|setup_requires/.test(text);
  return true;
}
