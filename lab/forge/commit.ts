/** Commits made by the API: compare-and-swap on a branch, one writer at a time for a repository. */
import { randomUUID } from 'node:crypto';
import { git, gitRaw, resolve } from './git.ts';
import type { Repo } from './store.ts';

export interface CommitWanted {
  /** `refs/heads/main` */
  ref: string;
  expectedHead: string;
  additions: readonly { path: string; bytes: Buffer }[];
  deletions: readonly string[];
  message: string;
  author: { name: string; email: string };
}

export class StaleHead extends Error {
  readonly expected: string;
  readonly actual: string;
  constructor(expected: string, actual: string) {
    super(`Expected branch to point to "${expected}" but it points to "${actual}". Pull and try again.`);
    this.expected = expected;
    this.actual = actual;
  }
}

/**
 * Makes the commit and moves the branch, or changes nothing.
 * Two processes a commit: fast-import writes blobs, trees and the commit to a scratch ref, update-ref moves the branch
 * against its old value, so that a push that came in between wins.
 * @returns the new commit
 * @throws StaleHead
 */
export async function commitOnBranch(repo: Repo, wanted: CommitWanted): Promise<string> {
  return repo.exclusive(async () => {
    const head = await resolve(repo.path, wanted.ref);
    if (head === undefined || head !== wanted.expectedHead) throw new StaleHead(wanted.expectedHead, head ?? '');
    const scratch = `refs/lab/${randomUUID()}`;
    const when = `${Math.floor(Date.now() / 1000)} +0000`;
    const who = `${clean(wanted.author.name)} <${clean(wanted.author.email)}> ${when}`;
    const message = Buffer.from(wanted.message);
    const parts: Buffer[] = [
      Buffer.from(`commit ${scratch}\nmark :1\nauthor ${who}\ncommitter ${who}\ndata ${message.length}\n`),
      message,
      Buffer.from(`\nfrom ${head}\n`),
    ];
    for (const path of wanted.deletions) parts.push(Buffer.from(`D ${quote(path)}\n`));
    for (const { path, bytes } of wanted.additions) {
      parts.push(Buffer.from(`M 100644 inline ${quote(path)}\ndata ${bytes.length}\n`), bytes, Buffer.from('\n'));
    }
    parts.push(Buffer.from('get-mark :1\ndone\n'));
    const out = await git(repo.path, ['fast-import', '--quiet', '--done'], Buffer.concat(parts));
    const oid = out.toString('utf8').trim();
    const moved = await gitRaw(
      repo.path,
      ['update-ref', '--stdin'],
      `update ${wanted.ref} ${oid} ${head}\ndelete ${scratch}\n`,
    );
    if (moved.code !== 0) {
      await gitRaw(repo.path, ['update-ref', '-d', scratch]);
      throw new StaleHead(head, (await resolve(repo.path, wanted.ref)) ?? '');
    }
    if (repo.signs(wanted.author)) repo.verified.add(oid);
    return oid;
  });
}

function clean(text: string): string {
  return text.replace(/[<>\n\0]/g, '');
}

function quote(path: string): string {
  return `"${path.replace(/["\\\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`))}"`;
}
