/** Fifty writers that commit through the lab's GraphQL at once, each only onto the head that it has seen. */
import { git } from '../../lab/forge/git.ts';
import { startForge } from '../../lab/forge/server.ts';
import type { Bench } from '../lib/bench.ts';
import { spread } from '../lib/measure.ts';

const WRITERS = 50;
const MOST = 10;

const HEAD =
  'query($o:String!,$n:String!){repository(owner:$o,name:$n){ref(qualifiedName:"refs/heads/main"){target{oid}}}}';
const COMMIT = 'mutation($input:CreateCommitOnBranchInput!){createCommitOnBranch(input:$input){commit{oid}}}';

export const run: Bench = async () => {
  await using forge = await startForge();
  const { path } = await forge.createRepository('org/cfg', { files: { a: '0\n' } });
  const token = forge.createToken({ kind: 'app', permissions: { contents: 'write' } });
  const ask = async (query: string, variables: object): Promise<{ data?: unknown; errors?: unknown }> => {
    const response = await fetch(forge.graphqlUrl, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify({ query, variables }),
    });
    return (await response.json()) as { data?: unknown; errors?: unknown };
  };
  const head = async (): Promise<string> => {
    const { data } = await ask(HEAD, { o: 'org', n: 'cfg' });
    return (data as { repository: { ref: { target: { oid: string } } } }).repository.ref.target.oid;
  };
  let tries = 0;
  const start = performance.now();
  const waits = await Promise.all(
    Array.from({ length: WRITERS }, async (_, i) => {
      for (;;) {
        tries += 1;
        const input = {
          branch: { repositoryNameWithOwner: 'org/cfg', branchName: 'main' },
          expectedHeadOid: await head(),
          message: { headline: `writer ${i}` },
          fileChanges: { additions: [{ path: `w${i}`, contents: Buffer.from(`${i}\n`).toString('base64') }] },
        };
        const { errors } = await ask(COMMIT, { input });
        if (errors === undefined) return (performance.now() - start) / 1000;
      }
    }),
  );
  const seconds = (performance.now() - start) / 1000;
  const files = (await git(path, ['ls-tree', '--name-only', 'main'])).toString('utf8').split('\n');
  const landed = Array.from({ length: WRITERS }, (_, i) => `w${i}`).filter((name) => files.includes(name)).length;
  const { median, most } = spread(waits);
  return {
    about: `${WRITERS} writers at once in one process, compare-and-set on the head, until each has landed.`,
    columns: ['landed', 'tries', 's in all', 's median of a writer', 's last'],
    rows: [[String(landed), String(tries), seconds.toFixed(1), median.toFixed(1), most.toFixed(1)]],
    facts: { waits, tries },
    limits: [
      { name: 'not landed', measured: WRITERS - landed, most: 0, unit: '' },
      { name: 'time', measured: Number(seconds.toFixed(1)), most: MOST, unit: 's' },
    ],
    notes: ['The forge writes real Git objects for each commit.'],
  };
};
