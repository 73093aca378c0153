/** The loop against a repository in memory: races, unknown outcomes, order, conditions, the end. */
import { describe, expect, test } from '@jest/globals';
import { renderMessage, type Variables } from '../../src/bump-helm-tag/message.ts';
import { makePlan } from '../../src/bump-helm-tag/plan.ts';
import type { Outcome, Wish } from '../../src/bump-helm-tag/progress.ts';
import { settle } from '../../src/bump-helm-tag/settle.ts';
import { trailerOf } from '../../src/bump-helm-tag/state.ts';
import { parseBlocks, renderBlock } from '../../src/bump-helm-tag/trailers.ts';
import { ActionError, Deadline, fakeClock, memoryLog } from '../../src/runner/index.ts';
import { FakeRepository, lineOf } from './fake.ts';

const [A, B, C] = ['a', 'b', 'c'].map((c) => c.repeat(40)) as [string, string, string];
const IDS = ['0a', '0b', '0c', '0d'].map((c) => `${c.repeat(4)}-0000-4000-8000-000000000000`);
const FILE = 'v.yaml';
const TEXT = 'tag: v1 # t\nweight: 0\nother: x\n';

interface Options {
  repository?: FakeRepository;
  updates?: string;
  revision?: string;
  id?: string;
  seconds?: number;
  signal?: AbortSignal;
  clock?: ReturnType<typeof fakeClock>;
  over?: Partial<Wish>;
}

function bump(repository: FakeRepository, o: Options = {}): Promise<Outcome> {
  const revision = o.revision ?? C;
  const bumpId = o.id ?? (IDS[0] as string);
  const targets = makePlan({
    updates: o.updates ?? `- {file: ${FILE}, path: tag, value: v2}`,
    files: [],
    imagePath: 'image',
    want: undefined,
  });
  const clock = o.clock ?? fakeClock();
  return settle(
    {
      repository,
      source: lineOf(A, B, C),
      clock,
      random: () => 0.5,
      deadline: new Deadline(o.seconds ?? 300, clock, o.signal),
      log: memoryLog(),
    },
    {
      targets,
      images: { form: 'auto', otherImage: 'fail', revision },
      guard: {
        mode: 'ancestry',
        allowDowngrade: false,
        sourceRepository: 'org/app',
        sourceRevision: revision,
      },
      bumpId,
      dryRun: false,
      message: (states) =>
        renderMessage(
          'bump',
          {} as Variables,
          renderBlock({
            bumpId,
            targets: states.map(({ target }) => ({ id: target.id, ...trailerOf(target) })),
            sourceRepository: 'github.com/org/app',
            sourceRevision: revision,
            sourceRef: '',
            workflowRun: '',
            downgradeReason: '',
            reverts: '',
            user: [],
          }),
        ),
      ...o.over,
    },
  );
}

const failure = async (run: Promise<unknown>): Promise<ActionError> => {
  const error = await run.then(
    () => undefined,
    (e: unknown) => e,
  );
  if (!(error instanceof ActionError)) throw new Error('it should have been refused');
  return error;
};
const idsOf = (repository: FakeRepository): string[] =>
  repository.commits.flatMap((c) => parseBlocks(c.message).map((b) => b.bumpId));

describe('races', () => {
  test('trap 23: the racer deletes the file, or the key, or changes its type', async () => {
    const gone = new FakeRepository({ [FILE]: TEXT });
    gone.onCommit = (n) => n === 1 && gone.push({ [FILE]: undefined as unknown as string });
    expect((await failure(bump(gone))).code).toBe('E_FILE_MISSING');
    const keyless = new FakeRepository({ [FILE]: TEXT });
    keyless.onCommit = (n) => n === 1 && keyless.push({ [FILE]: 'other: x\n' });
    expect((await failure(bump(keyless))).code).toBe('E_PATH_MISSING');
    const retyped = new FakeRepository({ [FILE]: TEXT });
    retyped.onCommit = (n) => n === 1 && retyped.push({ [FILE]: "tag: 'v9'\nweight: 0\n" });
    expect((await bump(retyped)).result).toBe('committed');
    expect(retyped.head.files[FILE]).toBe("tag: 'v2'\nweight: 0\n");
  });

  test('trap 24: the racer changes a neighbour line: both survive', async () => {
    const repository = new FakeRepository({ [FILE]: TEXT });
    repository.onCommit = (n) => n === 1 && repository.push({ [FILE]: TEXT.replace('other: x', 'other: y') });
    const outcome = await bump(repository);
    expect([outcome.result, outcome.conflicts, outcome.attempts]).toEqual(['committed', 1, 2]);
    expect(repository.head.files[FILE]).toBe('tag: v2 # t\nweight: 0\nother: y\n');
  });

  test('trap 25: the racer sets our very value: unchanged, no second commit', async () => {
    const repository = new FakeRepository({ [FILE]: TEXT });
    repository.onCommit = (n) => n === 1 && repository.push({ [FILE]: TEXT.replace('v1', 'v2') });
    expect((await bump(repository)).result).toBe('unchanged');
    expect(repository.commits).toHaveLength(2);
  });

  test('40 writes that meet somebody else end with advice', async () => {
    const repository = new FakeRepository({ [FILE]: TEXT });
    repository.onCommit = () => repository.push({ [FILE]: `${repository.head.files[FILE]}# x\n` });
    const error = await failure(bump(repository, { seconds: 100_000 }));
    expect([error.code, repository.writes]).toEqual(['E_BRANCH_BUSY', 40]);
    expect(idsOf(repository)).toEqual([]);
  });
});

describe('unknown outcome', () => {
  test('trap 26: our commit landed, the answer was lost, a newer bump came on top: ours is reported, the newer value stays', async () => {
    const repository = new FakeRepository({ [FILE]: TEXT });
    repository.weather = ['lost'];
    repository.afterCommit = () => repository.push({ [FILE]: TEXT.replace('v1', 'v3') });
    const outcome = await bump(repository);
    expect([outcome.result, outcome.commitSha]).toEqual(['committed', repository.commits[1]?.oid]);
    expect(repository.head.files[FILE]).toContain('v3');
    expect(repository.commits).toHaveLength(3);
  });

  test.each([
    [1, 'committed'],
    [9, 'E_OUTCOME_UNKNOWN'],
  ])('trap 26: the history is unreadable %i times: %s', async (times, end) => {
    const repository = new FakeRepository({ [FILE]: TEXT });
    repository.weather = ['lost'];
    repository.historyFails = times;
    const result = await bump(repository).then(
      (o) => [o.result, o.commitSha],
      (e: ActionError) => [e.code, e.message.includes('whether it was written is unknown')],
    );
    expect(result).toEqual([end, times === 1 ? repository.commits[1]?.oid : true]);
    expect(repository.commits).toHaveLength(2);
  });

  test('trap 27: not landed, head unmoved: sent again with the same expected head, one commit', async () => {
    const repository = new FakeRepository({ [FILE]: TEXT });
    repository.weather = ['dropped'];
    expect((await bump(repository)).result).toBe('committed');
    expect(new Set(repository.expected).size).toBe(1);
    expect(idsOf(repository)).toEqual([IDS[0]]);
  });

  test('trap 28: the first request arrives late, just before the resend is refused: one commit, its oid', async () => {
    const repository = new FakeRepository({ [FILE]: TEXT });
    repository.weather = ['late'];
    repository.onCommit = (n) => n === 2 && repository.arrive();
    const outcome = await bump(repository);
    expect([outcome.result, outcome.commitSha]).toEqual(['committed', repository.commits[1]?.oid]);
    expect(idsOf(repository)).toEqual([IDS[0]]);
  });

  test('trap 29: two false stales: success, not red', async () => {
    const repository = new FakeRepository({ [FILE]: TEXT });
    repository.weather = [
      { kind: 'conflict', detail: 'stale' },
      { kind: 'conflict', detail: 'stale' },
    ];
    const outcome = await bump(repository);
    expect([outcome.result, outcome.conflicts]).toEqual(['committed', 2]);
  });

  test('trap 30: after a conflict an older replica answers: nothing is lost', async () => {
    const repository = new FakeRepository({ [FILE]: TEXT });
    repository.onCommit = (n) => n === 1 && repository.push({ [FILE]: TEXT.replace('other: x', 'other: y') });
    repository.stale = [0, 1, 1];
    expect((await bump(repository)).result).toBe('committed');
    expect(repository.head.files[FILE]).toBe('tag: v2 # t\nweight: 0\nother: y\n');
    expect(idsOf(repository)).toHaveLength(1);
  });

  test('the same unknown error three times with an unmoved head is red, and says that it may still land', async () => {
    const repository = new FakeRepository({ [FILE]: TEXT });
    repository.weather = ['dropped', 'dropped', 'dropped', 'dropped'];
    const error = await failure(bump(repository));
    expect([error.code, repository.writes]).toEqual(['E_OUTCOME_UNKNOWN', 3]);
    expect(error.message).toContain(IDS[0]);
  });

  test('throttled: waits as told, and is red at once when that is longer than the deadline', async () => {
    const repository = new FakeRepository({ [FILE]: TEXT });
    const clock = fakeClock();
    repository.weather = [{ kind: 'throttled', waitSeconds: 2 }];
    expect((await bump(repository, { clock })).result).toBe('committed');
    expect(clock.slept[0]).toBeGreaterThanOrEqual(2);
    repository.weather = [{ kind: 'throttled', waitSeconds: 900 }];
    const late = bump(repository, { seconds: 60, updates: `- {file: ${FILE}, path: tag, value: v5}` });
    expect((await failure(late)).code).toBe('E_RATE_LIMITED');
  });
});

describe('the end', () => {
  test.each([
    ['lost', 'it was written as'],
    ['dropped', 'may still land'],
  ] as const)('trap 43: cancelled while a write is %s: red, and says so', async (weather, text) => {
    const repository = new FakeRepository({ [FILE]: TEXT });
    const controller = new AbortController();
    repository.weather = [weather];
    const reason = new ActionError('E_CANCELLED', { what: 'run', why: 'cancelled', fix: 'Run again' });
    repository.onCommit = () => controller.abort(reason);
    const error = await failure(bump(repository, { signal: controller.signal }));
    expect(error.code).toBe('E_CANCELLED');
    expect(error.message).toContain(text);
    expect(error.message).toContain(IDS[0]);
  });

  test('trap 43: cancelled before any write: nothing was written', async () => {
    const repository = new FakeRepository({ [FILE]: TEXT });
    const signal = AbortSignal.abort(new ActionError('E_CANCELLED', { what: 'run', why: 'cancelled', fix: 'Again' }));
    const error = await failure(bump(repository, { signal }));
    expect([error.code, repository.writes]).toEqual(['E_CANCELLED', 0]);
    expect(error.message).toContain('nothing was written');
  });

  test('no new write in the last two seconds', async () => {
    const repository = new FakeRepository({ [FILE]: TEXT });
    const error = await failure(bump(repository, { seconds: 1.5 }));
    expect([error.code, repository.writes]).toEqual(['E_TIMEOUT', 0]);
  });
});

describe('order', () => {
  const orders = [
    [A, B, C],
    [A, C, B],
    [B, A, C],
    [B, C, A],
    [C, A, B],
    [C, B, A],
  ];
  test.each(orders)(
    'trap 31: builds in the order %s %s %s, one after the other: ends at the newest',
    async (...order) => {
      const repository = new FakeRepository({ [FILE]: TEXT });
      for (const [i, revision] of order.entries()) {
        const outcome = await bump(repository, {
          revision,
          id: IDS[i] as string,
          updates: `- {file: ${FILE}, path: tag, value: of-${revision[0]}}`,
        });
        const newest = [...order.slice(0, i)].sort().at(-1) ?? '';
        expect([outcome.result, outcome.supersededBy]).toEqual(
          newest > revision ? ['superseded', newest] : ['committed', ''],
        );
      }
      expect(repository.head.files[FILE]).toContain('tag: of-c');
    },
  );

  test('trap 31: at once: the newest has the last word', async () => {
    const repository = new FakeRepository({ [FILE]: TEXT });
    await Promise.all(
      [C, A, B].map((revision, i) =>
        bump(repository, {
          revision,
          id: IDS[i] as string,
          updates: `- {file: ${FILE}, path: tag, value: of-${revision[0]}}`,
        }),
      ),
    );
    expect(repository.head.files[FILE]).toContain('tag: of-c');
  });

  test('trap 32: edited by hand since: written, with a note', async () => {
    const repository = new FakeRepository({ [FILE]: TEXT });
    await bump(repository, { revision: C });
    repository.push({ [FILE]: TEXT.replace('v1', 'mine') });
    const updates = `- {file: ${FILE}, path: tag, value: v3}`;
    const outcome = await bump(repository, { revision: B, id: IDS[1] as string, updates });
    expect(outcome.result).toBe('committed');
    expect([...outcome.notes.values()]).toEqual(['hand-edited']);
  });
});

describe('conditions', () => {
  const weight = (value: number, before: number, path = 'weight'): string =>
    `- {file: ${FILE}, path: ${path}, value: ${value}, type: number, only-if: {weight: ${before}, other: x}}`;

  test('hold: written; again: unchanged, although the weight before is gone', async () => {
    const repository = new FakeRepository({ [FILE]: TEXT });
    expect((await bump(repository, { updates: weight(5, 0) })).result).toBe('committed');
    expect((await bump(repository, { updates: weight(5, 0), id: IDS[1] as string })).result).toBe('unchanged');
    expect(repository.head.files[FILE]).toBe(TEXT.replace('weight: 0', 'weight: 5'));
  });

  test('a mismatch writes nothing, and names no revision when nobody newer stands there', async () => {
    const repository = new FakeRepository({ [FILE]: TEXT });
    const outcome = await bump(repository, { updates: weight(25, 10) });
    expect([outcome.result, outcome.supersededBy, repository.writes]).toEqual(['superseded', '', 0]);
    expect(outcome.mismatch).toBe('weight is "0", expected "10"');
  });

  test.each([
    ['a condition that seems not to hold', weight(25, 5), 'weight: 25'],
    ['values that seem to stand there', weight(0, 5), 'weight: 0'],
  ])('an old replica tells of %s: asked again until it has caught up', async (_name, updates, after) => {
    const repository = new FakeRepository({ [FILE]: TEXT });
    repository.push({ [FILE]: TEXT.replace('weight: 0', 'weight: 5') });
    repository.stale = [1, 1];
    repository.newestHead = async () => repository.head.oid;
    const clock = fakeClock();
    const outcome = await bump(repository, { updates, clock });
    expect([outcome.result, clock.slept]).toEqual(['committed', [1, 2]]);
    expect(repository.head.files[FILE]).toBe(TEXT.replace('weight: 0', after));
  });

  test('a replica that never catches up is red at the deadline, not "nothing to do"', async () => {
    const repository = new FakeRepository({ [FILE]: TEXT });
    repository.push({ [FILE]: TEXT.replace('weight: 0', 'weight: 5') });
    repository.stale = Array(100).fill(1);
    repository.newestHead = async () => repository.head.oid;
    const error = await failure(bump(repository, { updates: weight(0, 5), seconds: 60 }));
    expect([error.code, repository.writes]).toEqual(['E_TIMEOUT', 0]);
  });

  test('an equal weight under somebody else’s image is superseded, not unchanged', async () => {
    const repository = new FakeRepository({ [FILE]: TEXT.replace('other: x', 'other: y') });
    expect((await bump(repository, { updates: weight(0, 0) })).result).toBe('superseded');
  });

  test('a newer build that stands there is named', async () => {
    const repository = new FakeRepository({ [FILE]: TEXT });
    await bump(repository, { revision: C, updates: weight(5, 0) });
    const outcome = await bump(repository, { revision: B, id: IDS[1] as string, updates: weight(25, 10) });
    expect([outcome.result, outcome.supersededBy]).toEqual(['superseded', C]);
  });

  test('the condition is asked again in every round', async () => {
    const repository = new FakeRepository({ [FILE]: TEXT });
    repository.onCommit = (n) => n === 1 && repository.push({ [FILE]: TEXT.replace('other: x', 'other: z') });
    const outcome = await bump(repository, { updates: weight(5, 0) });
    expect([outcome.result, outcome.mismatch]).toEqual(['superseded', 'other is "z", expected "x"']);
    expect(idsOf(repository)).toEqual([]);
  });
});
