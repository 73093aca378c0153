/** A commit to a repository of the forge, through its API. */
import type { Forge } from '../../lab/forge/server.ts';

const HEAD =
  'query($o:String!,$n:String!){ repository(owner:$o,name:$n) { ref(qualifiedName:"refs/heads/main") { target { oid } } } }';
const COMMIT = 'mutation($input:CreateCommitOnBranchInput!){ createCommitOnBranch(input:$input) { commit { oid } } }';

/** @param files path -> text @returns the commit */
export async function commitFiles(
  forge: Forge,
  repository: string,
  files: Readonly<Record<string, string>>,
  headline = 'change',
): Promise<string> {
  const token = forge.createToken({ kind: 'app', permissions: { contents: 'write' } });
  const ask = async <T>(query: string, variables: object): Promise<T> => {
    const response = await fetch(forge.graphqlUrl, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify({ query, variables }),
    });
    const answer = (await response.json()) as { data?: T; errors?: unknown };
    if (answer.data === undefined || answer.errors !== undefined) throw new Error(JSON.stringify(answer.errors));
    return answer.data;
  };
  const [o = '', n = ''] = repository.split('/');
  const head = await ask<{ repository: { ref: { target: { oid: string } } } }>(HEAD, { o, n });
  const input = {
    branch: { repositoryNameWithOwner: repository, branchName: 'main' },
    expectedHeadOid: head.repository.ref.target.oid,
    message: { headline },
    fileChanges: {
      additions: Object.entries(files).map(([path, text]) => ({
        path,
        contents: Buffer.from(text).toString('base64'),
      })),
    },
  };
  const done = await ask<{ createCommitOnBranch: { commit: { oid: string } } }>(COMMIT, { input });
  return done.createCommitOnBranch.commit.oid;
}
