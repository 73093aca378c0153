/** The link `attestation`: what the forge keeps as provenance, and gh's word on its signature. */
import { fields, list } from '../argocd/index.ts';
import type { Digest } from '../oci/index.ts';
import type { Env, Exec } from '../runner/index.ts';
import { oneLine, parseJson } from '../text/index.ts';
import { type Evidence, type Link, linkOf } from './links.ts';

export interface Statement {
  predicateType: string;
  subjects: readonly { name: string; digest: string }[];
  signed: boolean;
}

/** The in-toto statement in a Sigstore bundle; undefined when there is none. */
function readBundle(bundle: unknown): Statement | undefined {
  const { payload, signatures } = fields(fields(bundle).dsseEnvelope);
  if (typeof payload !== 'string') return undefined;
  const statement = fields(parseJson(Buffer.from(payload, 'base64').toString('utf8')));
  const subjects = list(statement.subject)
    .map(fields)
    .map(({ name, digest }) => ({
      name: typeof name === 'string' ? name : '',
      digest: `sha256:${String(fields(digest).sha256 ?? '')}`,
    }));
  const type = statement.predicateType;
  return {
    predicateType: typeof type === 'string' ? type : '',
    subjects,
    signed: list(signatures).some((one) => typeof fields(one).sig === 'string' && fields(one).sig !== ''),
  };
}

/** What gh says: its end is the only word that counts. */
export type Verify = (ref: string) => Promise<'verified' | 'absent' | { refused: string }>;

export async function attestationLink(
  bundles: readonly unknown[] | undefined,
  ref: string,
  digest: Digest,
  verify: Verify,
): Promise<Link> {
  const { ok, missing, mismatch, unverified } = linkOf('attestation');
  const statements = (bundles ?? []).flatMap((bundle) => readBundle(bundle) ?? []);
  if ((bundles ?? []).length === 0) return missing('the forge has none for this digest');
  const mine = statements.filter(({ subjects }) => subjects.some((subject) => subject.digest === digest));
  if (mine.length === 0) {
    const subjects = statements
      .flatMap((one) => one.subjects)
      .map((s) => ['subject', `${s.name}@${s.digest}`] as const);
    return mismatch('no subject has this digest', subjects.slice(0, 5));
  }
  const evidence: Evidence = mine.flatMap(({ predicateType, subjects }) => [
    ['predicate', predicateType] as const,
    ...subjects.filter((s) => s.digest === digest).map((s) => ['subject', s.name] as const),
  ]);
  // A forge without Sigstore keeps statements alone: there is no signature that could be false.
  if (!mine.some(({ signed }) => signed)) return unverified('it carries no signature', evidence);
  const said = await verify(ref);
  if (said === 'verified') return ok([...evidence, ['signature', 'verified by gh']]);
  if (said === 'absent') return unverified('its signature was not checked: there is no gh on PATH', evidence);
  return mismatch(`gh refuses it: ${said.refused}`, evidence);
}

export interface GhOptions {
  exec: Exec;
  env: Env;
  signal: AbortSignal;
  /** `owner/name`. */
  repository: string;
  token: string;
  /** Host of the forge's web pages. */
  host: string;
}

// What gh needs to find its way; the secrets of the audit are not among them.
const KEPT =
  /^(PATH|HOME|USER|LANG|LC_ALL|TMPDIR|XDG_.*|DOCKER_CONFIG|SSL_CERT_(FILE|DIR)|(https?|no)_proxy|(HTTPS?|NO)_PROXY)$/;

/** `gh attestation verify` on the image in its registry. */
export function ghVerify({ exec, env, signal, repository, token, host }: GhOptions): Verify {
  const hub = host === '' || host === 'github.com';
  const kept = Object.fromEntries(Object.entries(env).filter(([name]) => KEPT.test(name)));
  return async (ref) => {
    const args = ['attestation', 'verify', `oci://${ref}`, '--repo', repository, ...(hub ? [] : ['--hostname', host])];
    const login = token === '' ? {} : { [hub ? 'GH_TOKEN' : 'GH_ENTERPRISE_TOKEN']: token };
    const childEnv = { ...kept, ...login, GH_PROMPT_DISABLED: '1', NO_COLOR: '1' };
    let result: Awaited<ReturnType<Exec>>;
    try {
      result = await exec('gh', args, { env: childEnv, signal, timeout: 120 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'absent';
      return { refused: 'it could not be started' };
    }
    if (signal.aborted) throw signal.reason;
    if (result.code === 0) return 'verified';
    const words = result.stderrTail.trim() || result.stdoutTail.trim();
    return { refused: oneLine(words, 300) || `it ended with ${result.code ?? result.signal}` };
  };
}
