/** What a dependency of a package.json (or a pattern of a yarn.lock) asks for: `name` and the text behind it. */
import semverValid from 'semver/functions/valid.js';
import validRange from 'semver/ranges/valid.js';
import type { Dep } from '../types.ts';

export interface NpmSpec {
  name: string;
  /** The one version it allows. */
  version?: string;
  range?: string;
  source: Dep['source'];
}

const MAX_SPEC = 1000;
const PLAIN = /^[\^~<>=*\d][\w\s.^~<>=*|+-]{0,1000}$|^npm:/;
const SOURCES: readonly [RegExp, Dep['source']][] = [
  [/^workspace:/, 'workspace'],
  [/^(?:git[+:@]|github:|gitlab:|bitbucket:|gist:|ssh:)/, 'git'],
  [/^https?:\/\/[^\s#]{1,500}\.git(?:#|$)/, 'git'],
  // `jsr:` is a registry of its own; a tarball is a tarball.
  [/^(?:https?:|jsr:)/, 'url'],
  [/^(?:file:|link:|portal:|exec:|\.|\/|~\/|[A-Za-z]:[\\/])/, 'path'],
  [/^[\w.-]{1,100}\/[\w.-]{1,200}(?:#|$)/, 'git'],
];

/** @returns undefined when the text is no specification that npm, pnpm or yarn knows */
export function parseNpmSpec(name: string, text: string): NpmSpec | undefined {
  const spec = text.trim();
  if (spec.length > MAX_SPEC) return undefined;
  if (spec.startsWith('patch:')) return parsePatch(name, spec);
  if (spec.startsWith('npm:')) return parseAlias(name, spec.slice(4));
  const source = sourceOfSpec(spec);
  if (source !== undefined) return { name, source };
  const exact = semverValid(spec.replace(/^[=v]+/, ''), { loose: true });
  if (exact !== null) return { name, version: spec.replace(/^[=v\s]+/, ''), source: 'registry' };
  // A tag such as `latest`, or pnpm's `catalog:`, may be any version.
  if (validRange(spec, { loose: true }) === null || spec === '') return { name, range: '*', source: 'registry' };
  return { name, range: spec, source: 'registry' };
}

/** Where a specification takes its package from; undefined: from a registry. */
export function sourceOfSpec(spec: string): Dep['source'] | undefined {
  // Most are plain ranges, and begin like one.
  return PLAIN.test(spec) ? undefined : SOURCES.find(([pattern]) => pattern.test(spec))?.[1];
}

/** `npm:real@^1` is the package `real`; yarn also writes `npm:^1` for the package of the key itself. */
function parseAlias(name: string, spec: string): NpmSpec | undefined {
  const { name: real, rest } = splitAt(spec);
  if (real === '' && /^[\d^~<>=*v]/.test(spec)) return parseNpmSpec(name, spec);
  if (real === '') return parseNpmSpec(isName(spec) ? spec : name, isName(spec) ? '' : spec);
  return rest.startsWith('npm:') || rest.startsWith('patch:') ? undefined : parseNpmSpec(real, rest);
}

// `patch:lodash@npm%3A4.17.20#./fix.patch`: with a patch on top it is still that package.
function parsePatch(name: string, spec: string): NpmSpec | undefined {
  const inner = spec.slice('patch:'.length).split('#', 1)[0] ?? '';
  const { name: real, rest } = splitAt(inner.replaceAll('%3A', ':').replaceAll('%5E', '^'));
  return rest.startsWith('patch:') ? undefined : parseNpmSpec(real || name, rest.replace(/^npm:/, ''));
}

const isName = (text: string): boolean => /^(?:@[\w.~-]{1,200}\/)?[\w.~-]{1,214}$/.test(text) && text !== 'latest';

/** Splits `name@rest`; the `@` of a scope is part of the name. No `@`: the name is empty. */
export function splitAt(text: string): { name: string; rest: string } {
  const at = text.indexOf('@', 1);
  return at < 0 ? { name: '', rest: text } : { name: text.slice(0, at), rest: text.slice(at + 1) };
}
