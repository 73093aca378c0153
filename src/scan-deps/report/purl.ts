import type { Dep, Ecosystem } from '../types.ts';

const TYPES: Readonly<Record<Ecosystem, string>> = {
  PyPI: 'pypi',
  npm: 'npm',
  Go: 'golang',
  'crates.io': 'cargo',
  RubyGems: 'gem',
  Packagist: 'composer',
  Maven: 'maven',
  NuGet: 'nuget',
};

/** Package URL of a package of a registry; without a version for a requirement that has none. https://github.com/package-url/purl-spec */
export function purlOf({ eco, name, version }: Pick<Dep, 'eco' | 'name' | 'version'>): string {
  const path = pathOf(eco, name).split('/').map(encoded).join('/');
  return `pkg:${TYPES[eco]}/${path}${version === undefined ? '' : `@${encoded(version)}`}`;
}

function pathOf(eco: Ecosystem, name: string): string {
  if (eco === 'PyPI') return name.toLowerCase().replace(/_/g, '-');
  if (eco === 'Packagist') return name.toLowerCase();
  // group:artifact; what follows a second colon is no part of the name.
  return eco === 'Maven' ? name.split(':').slice(0, 2).join('/') : name;
}

/** Letters, digits and `.-_~:` stand, all else is escaped. */
function encoded(text: string): string {
  const escaped = (c: string): string => `%${c.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(text.toWellFormed())
    .replace(/[!'()*]/g, escaped)
    .replace(/%3A/g, ':');
}

type Identity = Pick<Dep, 'eco' | 'key' | 'name' | 'version' | 'range'>;

/** The name of a package in the document: one a package and version, or requirement. */
export function refOf({ eco, key, version, range }: Identity): string {
  const purl = purlOf({ eco, name: key, ...(version === undefined ? {} : { version }) });
  return version === undefined && range !== undefined && range !== ''
    ? `${purl}#${encodeURIComponent(range.toWellFormed())}`
    : purl;
}
