/** The action as processes, many at once: all land, none is lost, none lands twice, each reports its own commit. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { faultAnswers } from '../../lab/forge/server.ts';
import { check, type End } from '../../tools/soak/bump-helm-tag/checker.ts';
import { readLog } from '../../tools/soak/bump-helm-tag/forge-round.ts';
import { LAYOUTS, lineOf, type RoundPlan } from '../../tools/soak/bump-helm-tag/layouts.ts';
import type { ActionResult } from '../support/bundle.ts';
import { commitFiles } from '../support/commit.ts';
import { DIGEST, startWorld, type World } from './world.ts';

// A bump by git is some twenty processes: two cores have their fill of eight writers.
const WRITERS: Readonly<Record<string, number>> = { github: 24, git: 8 };

let world: World;
afterEach(() => world.close());

const endOf = (run: ActionResult): End => ({
  bumpId: run.outputs['bump-id'] ?? '',
  code: run.code ?? -1,
  outputs: run.outputs,
  message: run.code === 0 ? '' : run.log,
});
const writeOf = (transport: string): { operation: string } | { method: string; path: RegExp } =>
  transport === 'github' ? { operation: 'BumpCommit' } : { method: 'POST', path: /\/git-receive-pack$/ };
// Starting a process is what costs here: as many at once as a matrix has, but no more.
const atOnce = <T>(count: number, body: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => body(i)));

describe.each(['github', 'git'])('transport %s', (transport) => {
  const writers = WRITERS[transport] ?? 0;
  test(`${writers} processes at once on one flat file, every 7th write lost after it landed and every 9th before`, async () => {
    const [flat] = LAYOUTS;
    const plan = flat?.plan(writers, () => 0) as RoundPlan;
    world = await startWorld(plan.files as Record<string, string>);
    world.forge.faults.add({ match: writeOf(transport), every: 7, reset: 'after' });
    world.forge.faults.add({ match: writeOf(transport), every: 9, reset: 'before' });
    const runs = await atOnce(writers, (i) => {
      const updates = plan.writers[i]?.inputs.updates ?? '';
      return world.bump({ transport, updates });
    });
    const red = runs.find((r) => r.code !== 0);
    if (red !== undefined)
      throw new Error(`a writer is red:\n${red.log.replace(/::add-mask::.*\n/g, '').slice(-2000)}`);
    expect(runs.map((r) => r.outputs.result)).toEqual(runs.map(() => 'committed'));
    const commits = await readLog(world.path, Object.keys(plan.files));
    // All of one build here: the order of builds has its own test below.
    const same = { ...plan, writers: plan.writers.map((w) => ({ ...w, age: 0 })) };
    expect(check(same, commits, runs.map(endOf))).toEqual([]);
    expect(commits).toHaveLength(1 + writers);
  });

  test('trap 26: the answer is lost after landing, then somebody bumps on top by hand: its own commit, the newer value stays', async () => {
    world = await startWorld({ 'v.yaml': 'tag: v1 # keep\nother: x\n' });
    world.forge.faults.add(
      transport === 'github'
        ? { match: writeOf(transport), answer: { ...faultAnswers.badGateway('after') } }
        : { match: writeOf(transport), reset: 'after' },
    );
    // The run cannot look after its write before somebody else has been there.
    world.forge.faults.add(
      transport === 'github'
        ? { match: { operation: 'BumpHistory' }, delayMs: 1500 }
        : { match: { query: /service=git-upload-pack/ }, skip: 2, delayMs: 1500 },
    );
    const before = await world.head();
    const running = world.bump({ transport, updates: '- {file: v.yaml, path: tag, value: v2}' });
    while ((await world.head()) === before) await new Promise((resolve) => setTimeout(resolve, 20));
    const own = await world.head();
    await commitFiles(world.forge, 'org/cfg', { 'v.yaml': 'tag: v3 # keep\nother: x\n' }, 'by hand');
    const run = await running;
    expect([run.code, run.outputs.result, run.outputs['commit-sha']]).toEqual([0, 'committed', own]);
    expect(run.outputs['base-sha']).toBe(before);
    expect(JSON.parse(run.outputs.previous ?? '{}')).toEqual({ 'v.yaml#0#tag': 'v1' });
    expect(run.outputs.diff).toContain('+tag: v2 # keep');
    expect(await world.read('v.yaml')).toBe('tag: v3 # keep\nother: x\n');
    expect(await world.log()).toHaveLength(3);
  });

  describe('trap 31: six orders of three builds', () => {
    const ORDERS = ['abc', 'acb', 'bac', 'bca', 'cab', 'cba'];
    const FILES = Object.fromEntries(
      ORDERS.map((order) => [
        `${order}.yaml`,
        'image:\n  repository: ghcr.io/org/app\n  tag: "" # tag\n  digest: "" # digest\n  revision: "" # revision\n',
      ]),
    );
    const bump = (order: string, build: string): Promise<ActionResult> =>
      world.bump(
        { transport, image: 'ghcr.io/org/app', tag: `of-${build}`, digest: DIGEST(build), file: `${order}.yaml` },
        { GITHUB_SHA: revisionOf(build) },
      );
    const revisionOf = (build: string): string => world.revisions[build as 'a' | 'b' | 'c'];
    const ends = async (orders: readonly string[]): Promise<void> => {
      for (const order of orders) {
        const text = await world.read(`${order}.yaml`);
        expect([lineOf(text, 'tag'), lineOf(text, 'revision')]).toEqual(['"of-c"', `"${revisionOf('c')}"`]);
      }
    };

    test('one after the other: the newest wins, and is named to those behind it', async () => {
      world = await startWorld(FILES);
      for (let step = 0; step < 3; step += 1) {
        const runs = await Promise.all(ORDERS.map((order) => bump(order, order[step] as string)));
        for (const [i, run] of runs.entries()) {
          const order = ORDERS[i] as string;
          const mine = order[step] as string;
          const newest = [...order.slice(0, step)].sort().at(-1) ?? '';
          expect([order, step, run.code, run.outputs.result, run.outputs['superseded-by']]).toEqual(
            newest > mine ? [order, step, 0, 'superseded', revisionOf(newest)] : [order, step, 0, 'committed', ''],
          );
        }
      }
      await ends(ORDERS);
    });

    test('all at once: the newest has the last word', async () => {
      world = await startWorld(FILES);
      const orders = transport === 'git' ? ORDERS.slice(3) : ORDERS;
      const runs = await Promise.all(
        orders.flatMap((order) => [...order].map(async (build) => ({ build, run: await bump(order, build) }))),
      );
      for (const { build, run } of runs) {
        expect(run.code).toBe(0);
        if (run.outputs.result === 'committed') continue;
        const newer = ['a', 'b', 'c'].filter((other) => other > build).map(revisionOf);
        expect(run.outputs.result).toBe('superseded');
        expect(newer).toContain(run.outputs['superseded-by']);
      }
      await ends(orders);
    });
  });
});
