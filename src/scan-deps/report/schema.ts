/** The shape of scan-deps.json: the types of the report and its published JSON schema are made from this. Nothing at run time reads it. */
import { z } from 'zod';
import { ECOSYSTEMS } from '../types.ts';

const count = z.int().min(0);
const line = z.int().min(1);
const ecosystem = z.enum(ECOSYSTEMS);

const problemSchema = z.strictObject({
  code: z.templateLiteral(['E_', z.string()]).describe('Stable; the README has an entry for each'),
  message: z.string().describe('The text of a scanned file is never part of it'),
  file: z.string().exactOptional(),
  line: line.exactOptional(),
});

const noticeSchema = z.strictObject({
  code: z.templateLiteral(['W_', z.string()]).describe('Stable; the README has an entry for each'),
  message: z.string(),
  file: z.string().exactOptional(),
  line: line.exactOptional(),
});

const findingSchema = z
  .strictObject({
    eco: ecosystem,
    package: z.string().describe('As the file writes it'),
    key: z.string().describe('Normalised: what advisories are compared by'),
    version: z.string().exactOptional().describe('The one version that the line allows; absent for a range'),
    range: z.string().exactOptional(),
    file: z.string().describe('Relative to the workspace, with slashes'),
    line,
    endLine: line,
    exact: z.boolean().describe('False when the line could not be found, and the start of the file stands for it'),
    scope: z.enum(['runtime', 'dev', 'unknown']),
    direct: z.boolean().exactOptional(),
    constraintOnly: z.boolean().describe('Known from a constraints file only: nobody was seen to require it'),
    way: z.array(z.string()).describe('The way in, from a direct dependency to the package itself'),
    verdict: z
      .enum(['certain', 'possible'])
      .describe('possible: not every version that the line allows is affected, or the advisory itself is in doubt'),
    id: z.string().describe("Smallest CVE, else GHSA, else the advisory's own"),
    ids: z.array(z.string()),
    summary: z.string(),
    level: z.enum(['none', 'low', 'medium', 'high', 'critical', 'unknown']),
    score: z.number().min(0).max(10).exactOptional(),
    vector: z.string().exactOptional(),
    malicious: z.boolean(),
    informational: z
      .string()
      .exactOptional()
      .describe('No vulnerability, but a notice of the advisory database: unmaintained, unsound, …'),
    baseline: z.enum(['new', 'existing']).exactOptional().describe('Where a change is judged: does its base have it?'),
    fixed: z.string().exactOptional(),
    by: z.enum(['range', 'versions', 'server']).describe('server: the API says so, and the ranges do not'),
    doubt: z
      .string()
      .exactOptional()
      .describe('Why a verdict is only possible, where the requirement itself is not the reason'),
    freshInstall: z
      .enum(['safe', 'affected', 'unknown'])
      .exactOptional()
      .describe('For a requirement without one version: is the newest version that it allows affected?'),
    safeRange: z
      .string()
      .exactOptional()
      .describe('For a requirement without one version: the nearest specifier that no known advisory touches'),
    state: z.enum(['block', 'warn', 'info', 'existing', 'ignored']),
    reason: z.string().describe('Why it has this state'),
  })
  .describe('One vulnerability group in one package of one line of one file');

const ignoreStateSchema = z.strictObject({
  id: z.string(),
  package: z.string().exactOptional(),
  line: line.describe('In the ignore file'),
  expires: z.string(),
  reason: z.string(),
  state: z.enum(['used', 'unused', 'expired']),
  daysLeft: z.int(),
  newInChange: z
    .literal(true)
    .exactOptional()
    .describe("The base's file lacks this entry: whoever reviews the change accepts the risk with it"),
});

const coverageSchema = z.strictObject({
  files: z.array(
    z.strictObject({
      file: z.string(),
      format: z.string(),
      status: z.enum(['read', 'partial', 'failed']),
      packages: count,
    }),
  ),
  packages: count,
  unpinned: count,
  unjudged: count.describe('Advisories exist, and the version is in no order of its ecosystem'),
  private: count,
  notRegistry: count.describe('From a repository, a URL or a folder: counted, not asked for'),
  unsupported: z.array(z.string()),
  asked: count,
  answered: count,
  unanswered: z.array(z.string()),
  disagreements: count.describe('The API says affected, the ranges of the advisory do not; they are findings'),
});

export const reportSchema = z.strictObject({
  version: z.literal(1),
  result: z.enum(['passed', 'failed']),
  complete: z.boolean().describe('Every package was read, asked for and answered'),
  source: z.strictObject({
    kind: z.enum(['api', 'database']),
    url: z.string(),
    freshness: z.string().exactOptional().describe('When the newest advisory was modified'),
  }),
  mode: z.enum(['full', 'diff']),
  base: z.string().exactOptional().describe('The commit that the change is compared with'),
  coverage: coverageSchema,
  findings: z.array(findingSchema).describe('Worst first'),
  ignores: z.array(ignoreStateSchema).describe('Every entry of the ignore file, with what became of it'),
  problems: z.array(problemSchema).describe('What keeps the scan from being complete'),
  notices: z.array(noticeSchema),
});
