/** What the token of a job may do: never more than the file says, than the caller grants, than the event allows. */
import type { Level, Permissions, PermissionsSpec } from './model.ts';

/** Scopes of `read-all` and `write-all`, in the order GitHub names them. */
const SCOPES = [
  'actions',
  'artifact-metadata',
  'attestations',
  'checks',
  'contents',
  'deployments',
  'discussions',
  'id-token',
  'issues',
  'models',
  'packages',
  'pages',
  'pull-requests',
  'repository-projects',
  'security-events',
  'statuses',
] as const;

const RANK: Readonly<Record<Level, number>> = { none: 0, read: 1, write: 2 };

/** What a workflow without any `permissions` gets: the repository's setting. */
export const DEFAULT_PERMISSIONS: Readonly<Record<'read' | 'write', Permissions>> = {
  read: { contents: 'read', packages: 'read' },
  write: expand('write-all'),
};

/** The written form as scope to level. */
export function expand(spec: PermissionsSpec): Permissions {
  if (typeof spec === 'object') return spec;
  const level: Level = spec === 'write-all' ? 'write' : 'read';
  return Object.fromEntries(
    SCOPES.map((scope) => {
      // An ID token can only be written, a model only be asked.
      if (scope === 'id-token') return [scope, level === 'write' ? 'write' : 'none'];
      return [scope, scope === 'models' ? 'read' : level];
    }),
  );
}

/** "contents: write" for each scope in which the request goes beyond the most that is allowed. */
export function violations(requested: Permissions, allowed: Permissions): { requested: string[]; allowed: string[] } {
  const over = Object.entries(requested).filter(([scope, level]) => RANK[level] > RANK[allowed[scope] ?? 'none']);
  return {
    requested: over.map(([scope, level]) => `${scope}: ${level}`),
    allowed: over.map(([scope]) => `${scope}: ${allowed[scope] ?? 'none'}`),
  };
}

/** A run for a pull request from a fork reads at most, and signs nothing. */
export function readOnly(permissions: Permissions): Permissions {
  return Object.fromEntries(
    Object.entries(permissions).map(([scope, level]) => [
      scope,
      level === 'write' ? (scope === 'id-token' ? 'none' : 'read') : level,
    ]),
  );
}

/** What to ask of the forge: granted scopes only; metadata can always be read. */
export function tokenPermissions(permissions: Permissions): Record<string, 'read' | 'write'> {
  const granted: Record<string, 'read' | 'write'> = { metadata: 'read' };
  for (const [scope, level] of Object.entries(permissions)) if (level !== 'none') granted[scope] = level;
  return granted;
}
