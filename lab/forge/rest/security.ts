/** Routes: rulesets, rules of a branch, code scanning, attestations. */
import { gunzipSync } from 'node:zlib';
import { type Answer, NO_CONTENT, NOT_FOUND, ok, paged, refusal, unprocessable } from '../answer.ts';
import { describeRules, ENFORCED, type Rule, type Ruleset } from '../rules.ts';
import { nextId } from '../store.ts';
import { type RestContext, type Route, reads, text, type WriteContext, writes } from './route.ts';

export const securityRoutes: readonly Route[] = [
  writes('POST', /^\/rulesets$/, 'administration', ({ repo, body }) => {
    const problem = rulesetProblem(body);
    if (problem !== undefined) return unprocessable(problem);
    const ruleset = { target: 'branch', ...body, id: nextId() } as unknown as Ruleset;
    repo.rulesets.push(ruleset);
    return ok(ruleset, 201);
  }),
  reads(/^\/rulesets$/, 'metadata', ({ repo, query, self }) =>
    paged(
      repo.rulesets.map(({ rules: _rules, conditions: _conditions, ...rest }) => rest),
      query,
      self,
    ),
  ),
  reads(/^\/rulesets\/(\d+)$/, 'metadata', (c) => {
    const found = rulesetOf(c);
    return found === undefined ? NOT_FOUND : ok(found);
  }),
  writes('PUT', /^\/rulesets\/(\d+)$/, 'administration', (c) => {
    const found = rulesetOf(c);
    if (found === undefined) return NOT_FOUND;
    const problem = rulesetProblem({ ...found, ...c.body });
    if (problem !== undefined) return unprocessable(problem);
    return ok(Object.assign(found, c.body, { id: found.id }));
  }),
  writes('DELETE', /^\/rulesets\/(\d+)$/, 'administration', (c) => {
    const found = rulesetOf(c);
    if (found === undefined) return NOT_FOUND;
    c.repo.rulesets.splice(c.repo.rulesets.indexOf(found), 1);
    return NO_CONTENT;
  }),
  reads(/^\/rules\/branches\/(.+)$/, 'metadata', ({ repo, params, query, self }) =>
    paged(describeRules(repo, `refs/heads/${params[0]}`), query, self),
  ),
  writes('POST', /^\/code-scanning\/sarifs$/, 'security_events', uploadSarif),
  reads(/^\/code-scanning\/sarifs\/([^/]+)$/, 'security_events', ({ repo, params }) =>
    repo.sarifs.some((one) => one.id === params[0]) ? ok({ processing_status: 'complete' }) : NOT_FOUND,
  ),
  writes('POST', /^\/attestations$/, 'attestations', ({ repo, body }) => {
    const digests = subjectDigests(body.bundle);
    if (digests.length === 0)
      return unprocessable('Invalid request.\n\nThe bundle names no subject with a sha256 digest.');
    for (const digest of digests) repo.attestations.push({ digest, bundle: body.bundle });
    return ok({ id: nextId() }, 201);
  }),
  reads(/^\/attestations\/(sha256:[0-9a-f]{64})$/, 'attestations', ({ repo, params }) => {
    const found = repo.attestations.filter((one) => one.digest === params[0]);
    return found.length === 0
      ? NOT_FOUND
      : ok({ attestations: found.map((one) => ({ bundle: one.bundle, repository_id: repo.id })) });
  }),
];

function rulesetOf({ repo, params }: RestContext): Ruleset | undefined {
  return repo.rulesets.find((one) => one.id === Number(params[0]));
}

function rulesetProblem(body: Readonly<Record<string, unknown>>): string | undefined {
  if (text(body.name) === '') return 'Invalid request.\n\n"name" wasn\'t supplied.';
  if (!['active', 'disabled', 'evaluate'].includes(text(body.enforcement))) {
    return 'Invalid request.\n\n"enforcement" must be one of active, disabled, evaluate.';
  }
  if (!Array.isArray(body.rules)) return 'Invalid request.\n\n"rules" must be a list.';
  for (const { type } of body.rules as Rule[]) {
    if (!ENFORCED.some((one) => one === type)) return `The lab's forge does not enforce rules of type "${type}"`;
  }
  return undefined;
}

async function uploadSarif({ repo, body, url }: WriteContext): Promise<Answer> {
  const [sha, ref, sarif] = [text(body.commit_sha), text(body.ref), text(body.sarif)];
  if (!/^[0-9a-f]{40}$/.test(sha) || !ref.startsWith('refs/')) return refusal(400, 'commit_sha or ref is not valid');
  if (!isSarif(sarif)) return refusal(400, 'Could not parse the SARIF file: it must be gzip, then base64');
  const id = `sarif-${nextId()}`;
  repo.sarifs.push({ id, commit_sha: sha, ref, sarif });
  return ok({ id, url: `${url}/repos/${repo.fullName}/code-scanning/sarifs/${id}` }, 202);
}

function isSarif(text: string): boolean {
  try {
    const value: unknown = JSON.parse(gunzipSync(Buffer.from(text, 'base64')).toString('utf8'));
    return typeof value === 'object' && value !== null && 'runs' in value && Array.isArray(value.runs);
  } catch {
    return false;
  }
}

// The subjects of the in-toto statement inside a Sigstore bundle's DSSE envelope.
function subjectDigests(bundle: unknown): string[] {
  try {
    const payload = (bundle as { dsseEnvelope: { payload: string } }).dsseEnvelope.payload;
    const statement = JSON.parse(Buffer.from(payload, 'base64').toString('utf8')) as {
      subject: { digest: { sha256: string } }[];
    };
    return statement.subject
      .map((one) => `sha256:${one.digest.sha256}`)
      .filter((digest) => /^sha256:[0-9a-f]{64}$/.test(digest));
  } catch {
    return [];
  }
}
