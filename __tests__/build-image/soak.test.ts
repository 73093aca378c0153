/** Many runs and many races on one registry: no tag is ever overwritten. SOAK=1000 for the long form. */
import { expect, test } from '@jest/globals';
import { toTag } from '../../src/build-image/tag-name.ts';
import { isTag } from '../../src/oci/index.ts';
import { commit, inside } from './inprocess.ts';

const RUNS = Number(process.env.SOAK ?? '40');
const LONG = 600_000;

/** Every PUT of a tag that existed with another digest would show here. */
function moved(before: ReadonlyMap<string, string>, now: (tag: string) => string | undefined): string[] {
  return [...before].flatMap(([tag, digest]) => (now(tag) === digest ? [] : [tag]));
}

test(
  'run after run: green, the same digest, nothing written after the first',
  async () => {
    await using i = await inside({ habits: { immutableTags: /./ } });
    const first = await i.run();
    i.lab.clearRequests();
    for (let n = 0; n < RUNS; n += 1) {
      const r = await i.run();
      expect(r.outputs).toMatchObject({ reused: true, digest: first.outputs.digest });
    }
    expect(i.lab.requests().every((r) => r.method === 'GET' || r.method === 'HEAD')).toBe(true);
  },
  LONG,
);

test.each([
  ['enforces', /^sha-/],
  ['does not enforce', undefined],
])(
  'T29 pairs of one source race on a registry that %s: both green, one digest a pair, nothing moved',
  async (_name, immutableTags) => {
    await using i = await inside(immutableTags === undefined ? {} : { habits: { immutableTags } });
    const digests = new Map<string, string>();
    for (let n = 0; n < RUNS / 4; n += 1) {
      await i.write({ 'app/main.txt': `${n}\n` });
      const pair = await Promise.all([i.run({}, commit(n)), i.run({}, commit(n))]);
      expect(pair.map((r) => r.message)).toEqual(['', '']);
      const [x, y] = pair.map((r) => String(r.outputs.digest));
      expect(x).toBe(y);
      digests.set(String(pair[0]?.outputs.tag), x ?? '');
    }
    expect(moved(digests, (tag) => i.lab.tag('o/app', tag))).toEqual([]);
  },
  LONG,
);

test(
  'T30 pairs of two sources race for one immutable tag on a registry that enforces: one green, one conflict, nothing moved',
  async () => {
    await using a = await inside({ habits: { immutableTags: /^v/ } });
    await using b = await inside({}, a.lab);
    const digests = new Map<string, string>();
    for (let n = 0; n < RUNS / 4; n += 1) {
      await a.write({ 'app/main.txt': `a ${n}\n` });
      await b.write({ 'app/main.txt': `b ${n}\n` });
      const inputs = { tags: `raw:v${n}`, 'immutable-tags': 'all' };
      const pair = await Promise.all([a.run(inputs, commit(n)), b.run(inputs, commit(n))]);
      expect(pair.map((r) => r.code ?? 'green').sort()).toEqual(['E_TAG_CONFLICT', 'green']);
      digests.set(`v${n}`, String(pair.find((r) => r.code === undefined)?.outputs.digest));
    }
    expect(moved(digests, (tag) => a.lab.tag('o/app', tag))).toEqual([]);
  },
  LONG,
);

test(
  'T19 a great many names of refs: every tag valid, no two alike',
  () => {
    const count = RUNS * 2500;
    const letters = ['a', 'b', '-', '.', '/', '_', 'ü', ' ', 'feature/', '0123456789ab', 'x'.repeat(60)];
    const names = new Set<string>();
    for (let n = 0; names.size < count; n += 1) {
      let name = '';
      for (let rest = n; rest > 0; rest = Math.floor(rest / letters.length)) name += letters[rest % letters.length];
      names.add(name);
    }
    const tags = new Set<string>();
    for (const name of names) {
      const tag = toTag(name);
      if (!isTag(tag)) throw new Error(`${name} gives ${tag}`);
      tags.add(tag);
    }
    expect(tags.size).toBe(names.size);
  },
  LONG,
);
