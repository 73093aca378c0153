/** 24 writers at once on one flat file, every call 50 to 250 ms: what lands, what is lost, what it takes. */
import { load } from 'js-yaml';
import type { Bench } from '../lib/bench.ts';
import { fileNow, type Lab, openLab, runBundle, runScript } from './_lab.ts';

const WRITERS = 24;
const TRIES = 25;

const LOOP = `set -e; git clone -q "$REPO" repo; cd repo
sed -i "s/^$KEY: .*/$KEY: $VALUE/" v.yaml
git commit -qam "bump $KEY"
for try in $(seq ${TRIES}); do
  git push -q origin main 2>/dev/null && exit 0
  git pull -q --rebase origin main 2>/dev/null || { git rebase --abort 2>/dev/null || true; }
done
exit 1`;

// The file is read when the job begins, the head when the commit is made: the usual step after a checkout.
async function staleCommit(lab: Lab, key: string, value: string): Promise<number> {
  const ask = async (query: string, variables: object): Promise<{ data?: never; errors?: unknown }> => {
    const response = await fetch(`${lab.url}/api/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${lab.token}` },
      body: JSON.stringify({ query, variables }),
    });
    return (await response.json()) as never;
  };
  const read = async (): Promise<{ oid: string; file: { object: { text: string } } }> => {
    const { data } = await ask(
      'query($p:String!){repository(owner:"org",name:"cfg"){ref(qualifiedName:"refs/heads/main"){target{oid ... on Commit{file(path:$p){object{... on Blob{text}}}}}}}}',
      { p: 'v.yaml' },
    );
    return (data as unknown as { repository: { ref: { target: never } } }).repository.ref.target;
  };
  const checkout = (await read()).file.object.text;
  const text = checkout.replace(new RegExp(`^${key}: .*$`, 'm'), `${key}: ${value}`);
  for (let n = 0; n < TRIES; n += 1) {
    const input = {
      branch: { repositoryNameWithOwner: 'org/cfg', branchName: 'main' },
      expectedHeadOid: (await read()).oid,
      message: { headline: `bump ${key}` },
      fileChanges: { additions: [{ path: 'v.yaml', contents: Buffer.from(text).toString('base64') }] },
    };
    const answer = await ask(
      'mutation StaleCommit($input:CreateCommitOnBranchInput!){createCommitOnBranch(input:$input){commit{oid}}}',
      { input },
    );
    if (answer.errors === undefined) return 0;
  }
  return 1;
}

interface Way {
  name: string;
  one(lab: Lab, key: string, value: string): Promise<number | null>;
}
const ours =
  (transport: string): Way['one'] =>
  async (lab, key, value) =>
    (await runBundle(lab, { transport, updates: `- {file: v.yaml, path: ${key}, value: ${value}}` })).code;
const WAYS: readonly Way[] = [
  { name: 'ours, transport github', one: ours('github') },
  { name: 'ours, transport git', one: ours('git') },
  {
    name: `git pull --rebase and push, ${TRIES} tries`,
    one: async (lab, key, value) => (await runScript(lab, LOOP, { KEY: key, VALUE: value })).code,
  },
  { name: `stale checkout and API commit, ${TRIES} tries`, one: staleCommit },
];

export const run: Bench = async () => {
  const rows: string[][] = [];
  const facts: Record<string, object> = {};
  const limits: { name: string; measured: number; most: number; unit: string }[] = [];
  for (const [i, way] of WAYS.entries()) {
    const result = await race(way);
    facts[way.name] = result;
    rows.push([
      way.name,
      String(result.green),
      String(result.landed),
      String(result.lost),
      result.seconds.toFixed(1),
      (result.writes / Math.max(1, result.landed)).toFixed(2),
      String(result.requests),
    ]);
    if (i > 1) continue;
    limits.push(
      { name: `${way.name}: lost`, measured: result.lost, most: 0, unit: '' },
      { name: `${way.name}: not landed`, measured: WRITERS - result.landed, most: 0, unit: '' },
      { name: `${way.name}: time`, measured: Number(result.seconds.toFixed(1)), most: 60, unit: 's' },
    );
  }
  return {
    about: `${WRITERS} writers at once, each with its own key of one flat file; the forge answers every call after 50 to 250 ms.`,
    columns: ['way', 'green', 'value in the file', 'green and lost', 's', 'writes per landed value', 'requests'],
    rows,
    facts,
    limits,
    notes: [
      'Ours and the shell loops are one process a writer, started at the same moment; on few cores much of the time is their start. The stale commit runs inside the bench.',
      'Neighbouring lines conflict for git: the rebase of the loop is refused where a writer has changed the line beside.',
    ],
  };
};

async function race(way: Way): Promise<{
  green: number;
  landed: number;
  lost: number;
  seconds: number;
  writes: number;
  requests: number;
}> {
  const keys = Array.from({ length: WRITERS }, (_, i) => `key${i}`);
  const lab = await openLab({ 'v.yaml': keys.map((key) => `${key}: v0 # of ${key}\n`).join('') });
  try {
    // Each takes its share of what is left: five paces, equally often.
    for (const [i, delayMs] of [250, 50, 200, 100, 150].entries())
      lab.forge.faults.add({ match: {}, every: 5 - i, delayMs });
    const start = performance.now();
    const codes = await Promise.all(keys.map((key) => way.one(lab, key, `of-${key}`)));
    const seconds = (performance.now() - start) / 1000;
    const file = load(await fileNow(lab, 'v.yaml')) as Record<string, string>;
    const there = keys.map((key) => file[key] === `of-${key}`);
    const all = lab.forge.requests();
    const writes = all.filter(
      (r) => r.path.endsWith('/git-receive-pack') || r.operation === 'BumpCommit' || r.operation === 'StaleCommit',
    );
    return {
      green: codes.filter((code) => code === 0).length,
      landed: there.filter(Boolean).length,
      lost: codes.filter((code, i) => code === 0 && there[i] === false).length,
      seconds,
      writes: writes.length,
      requests: all.length,
    };
  } finally {
    await lab.close();
  }
}
