/** The words of the scanner: packages, files, advisories, findings, and the one report that every writer reads. */
import type { ErrorCode, WarningCode } from '../runner/index.ts';

export const ECOSYSTEMS = ['PyPI', 'npm', 'Go', 'crates.io', 'RubyGems', 'Packagist', 'Maven', 'NuGet'] as const;
export type Ecosystem = (typeof ECOSYSTEMS)[number];
export type Scope = 'runtime' | 'dev' | 'unknown';
export type Level = 'none' | 'low' | 'medium' | 'high' | 'critical' | 'unknown';

/** Something that keeps the scan from being complete. The text of a scanned file is never part of it. */
export interface Problem {
  code: ErrorCode;
  message: string;
  file?: string;
  line?: number;
}

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

export type FreshInstall = 'safe' | 'affected' | 'unknown';

export type State = 'block' | 'warn' | 'info' | 'existing' | 'ignored';

export interface Finding {
  eco: Ecosystem;
  package: string;
  key: string;
  version?: string;
  range?: string;
  file: string;
  line: number;
  endLine: number;
  exact: boolean;
  scope: Scope;
  direct?: boolean;
  constraintOnly: boolean;
  /** The way in, from a direct dependency to the package itself. */
  way: string[];
  verdict: 'certain' | 'possible';
  /** Smallest CVE, else GHSA, else the record's own. */
  id: string;
  ids: string[];
  summary: string;
  level: Level;
  score?: number;
  vector?: string;
  malicious: boolean;
  /** No vulnerability, but a notice of the advisory database: `unmaintained`, `unsound`, … */
  informational?: string;
  /** Where a change is judged: does its base have it? */
  baseline?: 'new' | 'existing';
  fixed?: string;
  by: Match['by'];
  /** Why a verdict is only possible, where the requirement itself is not the reason. */
  doubt?: string;
  /** For a requirement without one version: is the newest version that it allows affected? */
  freshInstall?: FreshInstall;
  /** For a requirement without one version: the nearest specifier that no known advisory touches, ready to paste. */
  safeRange?: string;
  state: State;
  reason: string;
}

export interface IgnoreState {
  id: string;
  package?: string;
  line: number;
  expires: string;
  reason: string;
  state: 'used' | 'unused' | 'expired';
  daysLeft: number;
  /** The file of the base lacks this entry: whoever reviews the change accepts the risk with it. */
  newInChange?: true;
}

export interface Notice {
  code: WarningCode;
  message: string;
  file?: string;
  line?: number;
}

export interface Report {
  version: 1;
  result: 'passed' | 'failed';
  complete: boolean;
  source: { kind: 'api' | 'database'; url: string; freshness?: string };
  mode: 'full' | 'diff';
  /** The commit that the change is compared with. */
  base?: string;
  coverage: {
    files: { file: string; format: string; status: FileReport['status']; packages: number }[];
    packages: number;
    unpinned: number;
    unjudged: number;
    private: number;
    notRegistry: number;
    unsupported: string[];
    asked: number;
    answered: number;
    unanswered: string[];
    disagreements: number;
  };
  findings: Finding[];
  ignores: IgnoreState[];
  problems: Problem[];
  notices: Notice[];
}
