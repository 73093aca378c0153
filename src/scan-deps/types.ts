/** The words of the scanner: packages, files, advisories, findings, and the one report that every writer reads. */
import type { z } from 'zod';
import type { reportSchema } from './report/schema.ts';

export const ECOSYSTEMS = ['PyPI', 'npm', 'Go', 'crates.io', 'RubyGems', 'Packagist', 'Maven', 'NuGet'] as const;
export type Ecosystem = (typeof ECOSYSTEMS)[number];
export type Scope = Finding['scope'];
export type Level = Finding['level'];
/** Something that keeps the scan from being complete. */
export type Problem = Report['problems'][number];

/** One package as one line of one file asks for it. */
export interface Dep {
  eco: Ecosystem;
  /** As written. */
  name: string;
  /** Normalised: what advisories are compared by. */
  key: string;
  /** The one version this line allows; absent for a range. */
  version?: string;
  range?: string;
  file: string;
  line: number;
  endLine: number;
  /** False when the line could not be found and points at the start of the file instead. */
  exact: boolean;
  scope: Scope;
  direct?: boolean;
  /** Keys of the packages that ask for this one. */
  via: string[];
  source: 'registry' | 'git' | 'url' | 'path' | 'workspace';
  /** Known from a constraints file only: nobody was seen to require it. */
  constraintOnly?: true;
}

export interface FileReport {
  file: string;
  format: string;
  status: 'read' | 'partial' | 'failed';
  deps: Dep[];
  problems: Problem[];
  /** Folders that this lock also governs (npm workspaces), relative to the workspace. */
  members?: string[];
}

export interface Limits {
  fileBytes: number;
  packagesPerFile: number;
  packages: number;
  depth: number;
  includes: number;
  includeDepth: number;
}

export const LIMITS: Limits = {
  fileBytes: 64 * 1024 * 1024,
  packagesPerFile: 50_000,
  packages: 200_000,
  depth: 200,
  includes: 200,
  includeDepth: 20,
};

export interface OsvEvent {
  introduced?: string;
  fixed?: string;
  last_affected?: string;
  limit?: string;
}

export interface OsvRange {
  type: string;
  events: OsvEvent[];
}

export interface OsvAffected {
  package?: { ecosystem: string; name: string };
  severity?: OsvSeverity[];
  ranges?: OsvRange[];
  versions?: string[];
  /** Go: `custom_ranges` hold the limits of advisories whose `ranges` say "all versions". */
  ecosystem_specific?: { custom_ranges?: OsvRange[] };
  database_specific?: Record<string, unknown>;
}

export interface OsvSeverity {
  type: string;
  score: string;
}

/** The part of an OSV record (schema 1.x) that is judged or shown. */
export interface OsvRecord {
  id: string;
  modified?: string;
  withdrawn?: string;
  aliases?: string[];
  summary?: string;
  details?: string;
  severity?: OsvSeverity[];
  affected?: OsvAffected[];
  database_specific?: Record<string, unknown>;
}

export interface PackageKey {
  eco: Ecosystem;
  key: string;
  /** As the file spells it, where that is not `key` and the OSV API compares exactly. */
  name?: string;
  /** Absent: every advisory of the package is asked for. */
  version?: string;
}

/** Records, or an explicit "nobody answered". There is no third thing, and an empty list is an answer. */
export type Answer = { records: OsvRecord[] } | { unanswered: Problem };

export interface Match {
  /** Smallest version above ours that this record calls fixed. */
  fixed?: string;
  by: 'range' | 'versions' | 'server';
  /** Set when the record itself doubts that this version is affected: why. */
  doubt?: string;
}

export interface Severity {
  level: Level;
  score?: number;
  vector?: string;
}

export type Report = z.output<typeof reportSchema>;
export type Finding = Report['findings'][number];
export type State = Finding['state'];
export type FreshInstall = NonNullable<Finding['freshInstall']>;
export type IgnoreState = Report['ignores'][number];
export type Notice = Report['notices'][number];
