/** Writing by the API: commits and moves of refs, compare-and-swap, one writer at a time for a repository. */
import { randomUUID } from 'node:crypto';
import { staleText } from './faults.ts';
import { git, gitRaw, NO_OID } from './git.ts';
import { isAncestor } from './history.ts';
import { type RefChange, rulesFor, violations, violationText } from './rules.ts';
import { importFile, importPath, type Repo } from './store.ts';
import type { Token } from './tokens.ts';

export interface CommitWanted {
  /** `refs/heads/main` */
  ref: string;
  expectedHead: string;
  additions: readonly { path: string; bytes: Buffer }[];
  deletions: readonly string[];
  message: string;
  author: { name: string; email: string };
  /** Whose rules apply; absent: none do, as for one who works on the server itself. */
  token?: Token;
}

/** The branch is not where the caller thought. */
export class StaleHead extends Error {
  override readonly name = 'StaleHead';
}

/** A ruleset stands against the change. */
export class RuleViolation extends Error {
  override readonly name = 'RuleViolation';
}

/** A force push that was not asked for. */
export class NotFastForward extends Error {
  override readonly name = 'NotFastForward';
}

/**
 * Makes the commit and moves the branch, or changes nothing. The head is compared before any process is started, and once
 * more by update-ref, so that a push that came in between wins. Two processes: fast-import writes blobs, trees and the
 * commit below a hidden scratch ref, update-ref moves the branch and drops the scratch ref in one transaction.
 * @returns the new commit
 * @throws StaleHead, RuleViolation
 */
export async function commitOnBranch(repo: Repo, wanted: CommitWanted): Promise<string> {
  const check = async (): Promise<void> => {
    const head = (await repo.tip(wanted.ref))?.oid;
    if (head !== wanted.expectedHead) throw new StaleHead(staleText(wanted.expectedHead));
  };
  // Outside the queue too: a late comer need not wait to hear that it is late.
  await check();
  return repo.exclusive(async () => {
    await check();
    // The commit does not exist yet, so no check can have passed on it.
    const change = { ref: wanted.ref, before: wanted.expectedHead, after: 'new' };
    const why = wanted.token === undefined ? [] : violations(repo, change, wanted.token);
    if (why.length > 0) throw new RuleViolation(violationText(why));
    const scratch = `refs/forge/${randomUUID()}`;
    const oid = await importCommit(repo, scratch, wanted);
    const moved = await gitRaw(
      repo.path,
      ['update-ref', '--stdin'],
      `update ${wanted.ref} ${oid} ${wanted.expectedHead}\ndelete ${scratch}\n`,
    );
    if (moved.code !== 0) {
      await gitRaw(repo.path, ['update-ref', '-d', scratch]);
      throw new StaleHead(staleText(wanted.expectedHead));
    }
    // GitHub signs what is committed through this mutation.
    repo.verified.add(oid);
    return oid;
  });
}

/**
 * Moves refs, all or none.
 * @param changes `before` undefined: whatever it is now
 * @throws StaleHead, RuleViolation, NotFastForward
 */
export async function moveRefs(
  repo: Repo,
  token: Token,
  changes: readonly { ref: string; before?: string | undefined; after: string; force: boolean }[],
): Promise<void> {
  await repo.exclusive(async () => {
    const full: (RefChange & { force: boolean })[] = [];
    for (const change of changes) {
      const now = (await repo.tip(change.ref))?.oid ?? NO_OID;
      if (change.before !== undefined && change.before !== now) throw new StaleHead(staleText(change.before));
      full.push({ ref: change.ref, before: now, after: change.after, force: change.force });
    }
    for (const change of full) {
      const why = violations(repo, change, token);
      if (change.before !== NO_OID && change.after !== NO_OID) {
        const forward = await isAncestor(repo.path, change.before, change.after);
        if (!forward && !change.force) throw new NotFastForward('Update is not a fast forward');
        const forwardOnly = rulesFor(repo, change.ref, token).some((rule) => rule.type === 'non_fast_forward');
        if (!forward && forwardOnly) why.push('Cannot force-push to this branch');
      }
      if (why.length > 0) throw new RuleViolation(violationText(why));
    }
    const lines = full
      .filter((c) => c.before !== c.after)
      .map((c) => (c.after === NO_OID ? `delete ${c.ref} ${c.before}` : `update ${c.ref} ${c.after} ${c.before}`));
    if (lines.length === 0) return;
    const moved = await gitRaw(repo.path, ['update-ref', '--stdin'], `${lines.join('\n')}\n`);
    if (moved.code !== 0) throw new StaleHead(moved.stderrTail.trim());
  });
}

async function importCommit(repo: Repo, scratch: string, wanted: CommitWanted): Promise<string> {
  const when = `${Math.floor(Date.now() / 1000)} +0000`;
  const author = `${clean(wanted.author.name)} <${clean(wanted.author.email)}> ${when}`;
  const message = Buffer.from(wanted.message);
  const parts: Buffer[] = [
    Buffer.from(
      `commit ${scratch}\nmark :1\nauthor ${author}\ncommitter GitHub <noreply@github.com> ${when}\ndata ${message.length}\n`,
    ),
    message,
    Buffer.from(`\nfrom ${wanted.expectedHead}\n`),
    ...wanted.deletions.map((path) => Buffer.from(`D ${importPath(path)}\n`)),
    ...wanted.additions.flatMap(({ path, bytes }) => importFile(path, bytes)),
    Buffer.from('get-mark :1\ndone\n'),
  ];
  const out = await git(repo.path, ['fast-import', '--quiet', '--done'], Buffer.concat(parts));
  return out.toString('latin1').trim();
}

function clean(text: string): string {
  return text.replace(/[<>\n\0]/g, '');
}
