/** One bump in a config repository of 5,000 app folders: ours through both transports, beside what a shell step does. */
import type { Bench } from '../lib/bench.ts';
import { ratio, spread } from '../lib/measure.ts';
import { fileNow, type Lab, mustPass, openLab, runBundle, runScript } from './_lab.ts';

const APPS = 5000;
const HISTORY = 1000;
const FILE = 'envs/dev/app-2500/values.yaml';
const values = (i: number): string =>
  `replicas: ${1 + (i % 7)}\nimage:\n  repository: ghcr.io/org/app-${i}\n  tag: v0\n  digest: ""\n  revision: ""\nresources:\n  limits: {cpu: ${100 + i}m, memory: 128Mi}\n`;

const script = (clone: string): string =>
  `set -e; git clone -q ${clone} "$REPO" repo; cd repo
sed -i "s/^  tag: .*/  tag: $TAG/" ${FILE}
git commit -qam "bump $TAG"; git push -q origin main`;

interface Way {
  name: string;
  bump(lab: Lab, tag: string): Promise<{ seconds: number; code: number | null; output: string }>;
}

const ours =
  (transport: string): Way['bump'] =>
  (lab, tag) =>
    runBundle(lab, { transport, image: 'ghcr.io/org/app-2500', tag, file: FILE });
const shell =
  (clone: string): Way['bump'] =>
  (lab, tag) =>
    runScript(lab, script(clone), { TAG: tag });

const WAYS: readonly Way[] = [
  { name: 'ours, transport github', bump: ours('github') },
  { name: 'ours, transport git', bump: ours('git') },
  { name: 'git clone --depth 1, sed, commit, push', bump: shell('--depth 1') },
  { name: 'git clone, sed, commit, push', bump: shell('') },
];

export const run: Bench = async (args) => {
  const runs = Number(args.find((a) => a.startsWith('--runs='))?.slice('--runs='.length) ?? 5);
  const files = Object.fromEntries(
    Array.from({ length: APPS }, (_, i) => [`envs/dev/app-${i}/values.yaml`, values(i)]),
  );
  const lab = await openLab(files, HISTORY);
  const seen = new Map(
    WAYS.map((way) => [way.name, { seconds: [] as number[], bytes: 0, connections: 0, requests: 0 }]),
  );
  try {
    // In turn, so that whatever else the machine does meets all of them.
    for (let n = 0; n <= runs; n += 1)
      for (const [w, way] of WAYS.entries()) {
        lab.forge.clearRequests();
        lab.wire();
        const result = await way.bump(lab, `v${n + 1}-${w}`);
        mustPass(result);
        if (!(await fileNow(lab, FILE)).includes(`tag: v${n + 1}-${w}\n`))
          throw new Error(`${way.name}: not on the branch`);
        const facts = seen.get(way.name);
        // The first of each warms the caches of the machine.
        if (n === 0 || facts === undefined) continue;
        const { bytes, connections } = lab.wire();
        facts.seconds.push(result.seconds);
        facts.bytes = bytes;
        facts.connections = connections;
        facts.requests = lab.forge.requests().length;
      }
  } finally {
    await lab.close();
  }
  const facts = (i: number): { seconds: number[]; bytes: number; connections: number; requests: number } =>
    seen.get(WAYS[i]?.name ?? '') as never;
  const median = (i: number): number => spread(facts(i).seconds).median;
  const fixed = (n: number, digits = 2): number => Number(n.toFixed(digits));
  return {
    about: `One bump of one image in a config repository of ${APPS} app folders and ${HISTORY} commits, on a forge on loopback, from the start of the process to its end; ${runs} runs each, in turn.`,
    columns: [
      'way',
      'median s',
      'least - most s',
      'kB on the wire',
      'connections',
      'requests',
      'time: github / git against it',
    ],
    rows: WAYS.map((way, i) => {
      const { seconds, bytes, connections, requests } = facts(i);
      const { least, most } = spread(seconds);
      return [
        way.name,
        median(i).toFixed(2),
        `${least.toFixed(2)} - ${most.toFixed(2)}`,
        (bytes / 1000).toFixed(0),
        String(connections),
        String(requests),
        `${ratio(median(0), median(i))} / ${ratio(median(1), median(i))}`,
      ];
    }),
    facts: { apps: APPS, history: HISTORY, ways: Object.fromEntries(seen) },
    limits: [
      { name: 'github: requests', measured: facts(0).requests, most: 2, unit: '' },
      { name: 'github: on the wire', measured: fixed(facts(0).bytes / 1000, 1), most: 100, unit: 'kB' },
      { name: 'github: time', measured: fixed(median(0)), most: 0.6, unit: 's' },
      { name: 'git: connections', measured: facts(1).connections, most: 3, unit: '' },
      { name: 'git: on the wire', measured: fixed(facts(1).bytes / 1e6), most: 2, unit: 'MB' },
      { name: 'git: time', measured: fixed(median(1)), most: 1, unit: 's' },
    ],
    notes: [
      'Ours starts Node, edits, proves the edit with four parsers and writes trailers; the scripts start git and sed.',
      'The forge runs in the process of the bench and shares the cores with what is measured. Bytes are counted by a TCP proxy, both ways, headers included.',
    ],
  };
};
