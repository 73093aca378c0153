/** Seeded rounds in memory, and the checker that judges them: it must catch an engine or a host that is not true. */
import { describe, expect, test } from '@jest/globals';
import type { CommitRequest, CommitResult } from '../../src/bump-helm-tag/config-repository.ts';
import { ActionError } from '../../src/runner/index.ts';
import { check, type End, type Kind } from '../../tools/soak/bump-helm-tag/checker.ts';
import { type FaultProfile, PROFILES } from '../../tools/soak/bump-helm-tag/faults.ts';
import { LAYOUTS, type Layout } from '../../tools/soak/bump-helm-tag/layouts.ts';
import { MemoryRepository, MemoryServer } from '../../tools/soak/bump-helm-tag/memory.ts';
import { memoryRound, type RoundOptions } from '../../tools/soak/bump-helm-tag/memory-round.ts';

const layoutOf = (name: string): Layout => LAYOUTS.find((l) => l.name === name) as Layout;
const FLAT = layoutOf('flat file');
const BUILDS = layoutOf('builds, by revision key');
const CALM = PROFILES[0] as FaultProfile;
/** Few of the layout with the long file: the parsing of YAML is not what is under test here. */
const roundsOf = (layout: Layout): number => (layout.name === 'maps far apart' ? 2 : 8);

describe('nothing is lost, doubled, out of order, and every end is true', () => {
  test.each(PROFILES.map((p) => [p.name, p] as const))('faults: %s', async (_name, profile) => {
    for (const layout of LAYOUTS)
      for (let seed = 1; seed <= roundsOf(layout); seed += 1) {
        const { violations } = await memoryRound({ layout, profile, writers: 5, seed });
        expect({ layout: layout.name, seed, violations }).toEqual({ layout: layout.name, seed, violations: [] });
      }
  });

  test('the same seed is the same round', async () => {
    const round = { layout: FLAT, profile: PROFILES.at(-1) as FaultProfile, writers: 6, seed: 11 };
    expect(await memoryRound(round)).toEqual(await memoryRound(round));
  });

  test('the rounds meet what they are to meet: conflicts, waits, red ends, superseded builds', async () => {
    const profile = PROFILES.at(-1) as FaultProfile;
    const seen = { conflicts: 0, red: 0, superseded: 0, again: 0 };
    for (let seed = 1; seed <= 12; seed += 1) {
      const { ends, conflicts, writes, landed } = await memoryRound({ layout: BUILDS, profile, writers: 8, seed });
      seen.conflicts += conflicts;
      seen.again += writes - landed;
      seen.red += ends.filter((e) => e.code !== 0).length;
      seen.superseded += ends.filter((e) => e.outputs.result === 'superseded').length;
    }
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(0);
  });
});

const kinds = async (over: Partial<RoundOptions>): Promise<Set<Kind>> => {
  const found = new Set<Kind>();
  for (let seed = 1; seed <= 6; seed += 1) {
    const { violations } = await memoryRound({ layout: FLAT, profile: CALM, writers: 6, seed, ...over });
    for (const { kind } of violations) found.add(kind);
  }
  return found;
};

describe('the checker catches', () => {
  class Careless extends MemoryServer {
    override apply(request: CommitRequest): CommitResult {
      return this.write(request);
    }
  }
  class Twice extends MemoryServer {
    override write(request: CommitRequest): CommitResult {
      super.write(request);
      return super.write(request);
    }
  }
  class Sloppy extends MemoryServer {
    override write(request: CommitRequest): CommitResult {
      const changes = request.changes.map((c) => ({ ...c, bytes: Buffer.concat([c.bytes, Buffer.from('\n')]) }));
      return super.write({ ...request, changes });
    }
  }
  class Elsewhere extends MemoryServer {
    override write(request: CommitRequest): CommitResult {
      const result = super.write(request);
      Object.assign(this.head, { parents: [this.commits[0]?.oid] });
      return result;
    }
  }
  class Forgetful extends MemoryServer {
    override write(request: CommitRequest): CommitResult {
      return super.write({ ...request, changes: request.changes.map((c) => ({ ...c, path: 'elsewhere.yaml' })) });
    }
  }
  class Empty extends MemoryRepository {
    override async commit(): Promise<CommitResult> {
      return { kind: 'committed', oid: 'f'.repeat(40), url: '', verified: true };
    }
  }
  class Mistaken extends MemoryRepository {
    override async commit(request: CommitRequest): Promise<CommitResult> {
      const result = await super.commit(request);
      return result.kind === 'committed' ? { ...result, oid: request.head } : result;
    }
  }
  class Denying extends MemoryRepository {
    override async commit(request: CommitRequest): Promise<CommitResult> {
      await super.commit(request);
      throw new ActionError('E_PERMISSION_MISSING', { what: 'token', why: 'refused', fix: 'Give it more' });
    }
  }
  // A write in doubt that is taken for one that never was: what a loop without the look into the history does.
  class Blind extends MemoryRepository {
    override async history(since: string, signal: AbortSignal): ReturnType<MemoryRepository['history']> {
      const seen = await super.history(since, signal);
      return { ...seen, complete: true, commits: seen.commits.map((c) => ({ ...c, message: 'x' })) };
    }
  }
  test.each<[string, Kind, Partial<RoundOptions>]>([
    ['a host that ignores the expected head', 'lost', { server: (files) => new Careless(files) }],
    ['a host that applies a write twice', 'doubled', { server: (files) => new Twice(files) }],
    ['a write that changes another byte', 'bytes', { server: (files) => new Sloppy(files) }],
    ['a history that is no line', 'bytes', { server: (files) => new Elsewhere(files) }],
    ['a commit that does not write what it names', 'untrue', { server: (files) => new Forgetful(files) }],
    ['"committed" without a commit', 'lost', { client: (server, ports) => new Empty(server, ports) }],
    ['another commit than its own reported', 'untrue', { client: (server, ports) => new Mistaken(server, ports) }],
    ['"nothing was written" over a commit', 'untrue', { client: (server, ports) => new Denying(server, ports) }],
    [
      'a lost answer that nobody looks after',
      'untrue',
      { profile: PROFILES[1] as FaultProfile, client: (server, ports) => new Blind(server, ports) },
    ],
    ['builds without a guard', 'disorder', { layout: BUILDS, writers: 12, inputs: { 'order-guard': 'off' } }],
  ])('%s', async (_name, kind, over) => {
    expect([...(await kinds(over))]).toContain(kind);
  });

  test.each<[string, (end: End) => End | undefined]>([
    [
      'a base that is not the parent',
      (e) => withOutputs(e, 'committed', { 'base-sha': e.outputs['commit-sha'] ?? '' }),
    ],
    ['a count of writes that is not the host’s', (e) => withOutputs(e, 'committed', { attempts: '0' })],
    ['no diff', (e) => withOutputs(e, 'committed', { diff: '' })],
    ['"unchanged" over its own commit', (e) => withOutputs(e, 'committed', { result: 'unchanged', changed: 'false' })],
    ['"superseded" by an older build', (e) => withOutputs(e, 'superseded', { 'superseded-by': '00'.repeat(20) })],
    [
      '"superseded" by a build that did not stand there',
      (e) => withOutputs(e, 'superseded', { 'superseded-by': '07'.repeat(20) }),
    ],
    ['a red end that claims both', (e) => ({ ...e, code: 1, message: 'nothing was written; it may still land' })],
    ['a red end without a word', (e) => ({ ...e, code: 1, sent: 1, message: 'it failed' })],
  ])('%s', async (_name, mutate) => {
    const { plan, commits, ends } = await memoryRound({ layout: BUILDS, profile: CALM, writers: 12, seed: 3 });
    expect(check(plan, commits, ends)).toEqual([]);
    const at = ends.findIndex((end) => mutate(end) !== undefined);
    const mutated = ends.map((end, i) => (i === at ? (mutate(end) as End) : end));
    expect(check(plan, commits, mutated).length).toBeGreaterThan(0);
  });

  function withOutputs(end: End, result: string, over: Record<string, string>): End | undefined {
    return end.outputs.result === result ? { ...end, outputs: { ...end.outputs, ...over } } : undefined;
  }
});
