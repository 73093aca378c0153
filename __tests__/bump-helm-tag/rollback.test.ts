/** The way back: what a handoff wrote is taken back, once, and never over what somebody has written since. */
import { describe, expect, test } from '@jest/globals';
import { parseBlocks } from '../../src/bump-helm-tag/trailers.ts';
import { FakeRepository } from './fake.ts';
import { A, B, bump, C, codeOf, DIGEST } from './in-process.ts';

const FILE = 'env/v.yaml';
const VALUES = `image:
  repository: ghcr.io/org/app
  tag: "" # keep
  digest: ""
  revision: ""
canary:
  weight: 5
note: x
`;
const image = (v: string): Record<string, string> => ({
  image: 'ghcr.io/org/app',
  tag: `v${v}`,
  digest: DIGEST(v),
  file: FILE,
});
const weight = (n: number): string => `- {file: ${FILE}, path: canary.weight, value: ${n}, type: number}`;
const BACK = { rollback: 'previous', file: FILE, reason: 'errors' };

/** A stands, then B with a weight. */
async function delivered(): Promise<{ repository: FakeRepository; before: string; handoff: string }> {
  const repository = new FakeRepository({ [FILE]: VALUES });
  await bump(repository, image('a'), A);
  const before = repository.head.files[FILE] ?? '';
  const { commitSha } = await bump(repository, { ...image('b'), updates: weight(25) }, B);
  return { repository, before, handoff: commitSha };
}
const text = (repository: FakeRepository): string => repository.head.files[FILE] ?? '';

test('acceptance 21: tag, digest, revision and weight come back in one commit, byte by byte; twice is unchanged', async () => {
  const { repository, before, handoff } = await delivered();
  for (const rollback of [handoff, 'previous']) {
    const count = repository.commits.length;
    const back = await bump(repository, { ...BACK, rollback });
    expect([back.result, text(repository)]).toEqual([rollback === handoff ? 'committed' : 'unchanged', before]);
    expect(repository.commits.length - count).toBe(rollback === handoff ? 1 : 0);
  }
  expect((await bump(repository, { ...BACK, rollback: handoff })).result).toBe('unchanged');
  expect(repository.head.message).toMatch(/^roll back [0-9a-f]{12}\n/);
});

test('keys of other names: the log says whose build comes back, and an older one is superseded afterwards', async () => {
  const repository = new FakeRepository({ [FILE]: 'image:\n  repository: ghcr.io/org/app\n  version: ""\n' });
  const keyed = (v: string): Record<string, string> => ({
    updates: `- {file: ${FILE}, image: image, ref: "ghcr.io/org/app:v${v}", keys: {tag: version}}`,
  });
  await bump(repository, keyed('b'), B);
  await bump(repository, keyed('c'), C);
  await bump(repository, BACK);
  expect(text(repository)).toContain('version: "vb"');
  expect(parseBlocks(repository.head.message)).toMatchObject([
    { sourceRevision: B, targets: [{ id: `${FILE}#0#image`, kind: 'image', value: 'ghcr.io/org/app:vb' }] },
  ]);
  expect((await bump(repository, keyed('a'), A)).result).toBe('superseded');
  expect((await bump(repository, keyed('c'), C)).result).toBe('committed');
});

test('its trailers say what came back, whose build that is, what was taken back and why', async () => {
  const { repository, handoff } = await delivered();
  await bump(repository, BACK);
  expect(parseBlocks(repository.head.message)).toMatchObject([
    {
      reverts: handoff,
      sourceRepository: 'github.com/org/app',
      sourceRevision: A,
      targets: [
        { id: `${FILE}#0#image`, kind: 'image', value: `ghcr.io/org/app:va@${DIGEST('a')}` },
        { id: `${FILE}#0#canary.weight`, kind: 'scalar', value: '5' },
      ],
    },
  ]);
  expect(repository.head.message).toContain('\nDowngrade-Reason: errors\n');
});

test('acceptance 21: after a newer handoff, or an edit by hand, it is superseded and nothing is written', async () => {
  const { repository, handoff } = await delivered();
  await bump(repository, image('c'), C);
  const after = text(repository);
  const late = await bump(repository, { ...BACK, rollback: handoff });
  expect([late.result, late.supersededBy, text(repository)]).toEqual(['superseded', '', after]);
  expect(late.mismatch).toContain('somebody moved on');

  const other = await delivered();
  other.repository.push({ [FILE]: text(other.repository).replace('weight: 25', 'weight: 50') });
  expect((await bump(other.repository, BACK)).result).toBe('superseded');
});

test('scalars ride along and win over what would come back', async () => {
  const { repository, before } = await delivered();
  repository.push({ [FILE]: text(repository).replace('weight: 25', 'weight: 50') });
  const back = await bump(repository, { ...BACK, updates: weight(0) });
  expect([back.result, text(repository)]).toEqual(['committed', before.replace('weight: 5', 'weight: 0')]);
  expect(parseBlocks(repository.head.message)).toMatchObject([{ sourceRevision: A }]);
  expect(repository.head.message.match(/^Bump-Id: /gm)).toHaveLength(1);
});

test('the next handoff is judged against the build that came back, also where no revision key stands', async () => {
  const plain = VALUES.replace('  revision: ""\n', '');
  const repository = new FakeRepository({ [FILE]: plain });
  await bump(repository, image('b'), B);
  await bump(repository, image('c'), C);
  await bump(repository, BACK);
  expect((await bump(repository, image('a'), A)).result).toBe('superseded');
  expect((await bump(repository, image('c'), C)).result).toBe('committed');
});

test('a first handoff goes back to nothing, and the next one starts afresh', async () => {
  const repository = new FakeRepository({ [FILE]: VALUES });
  await bump(repository, image('b'), B);
  expect((await bump(repository, BACK)).result).toBe('committed');
  expect(text(repository)).toBe(VALUES);
  expect(parseBlocks(repository.head.message)[0]?.targets[0]).toMatchObject({ value: '' });
  expect((await bump(repository, image('a'), A)).result).toBe('committed');
});

test.each([
  ['an empty value', 'tag:', 'v1'],
  ['a number of another spelling', 'tag: 1.10', 'v1'],
  ['a boolean', 'tag: true', 'v1'],
  ['null', 'tag: ~', 'v1'],
  ['single quotes', "tag: 'v0' # c", 'v1'],
])('types come back: %s', async (_name, line, value) => {
  const repository = new FakeRepository({ [FILE]: `image:\n  ${line}\n` });
  await bump(repository, { image: 'ghcr.io/org/app', tag: value, file: FILE });
  expect(text(repository)).toContain(value);
  expect((await bump(repository, BACK)).result).toBe('committed');
  expect(text(repository)).toBe(`image:\n  ${line}\n`);
});

describe('refused, nothing written', () => {
  test.each<[string, Record<string, string>, string]>([
    ['a commit that is not there', { rollback: 'f'.repeat(40) }, 'E_ROLLBACK_UNKNOWN'],
    ['targets without a handoff', { file: 'other.yaml' }, 'E_ROLLBACK_UNKNOWN'],
  ])('%s', async (_name, inputs, code) => {
    const { repository } = await delivered();
    const count = repository.commits.length;
    repository.push({ 'other.yaml': 'image:\n  tag: x\n' });
    expect(await codeOf(bump(repository, { ...BACK, ...inputs }))).toBe(code);
    expect(repository.commits).toHaveLength(count + 1);
  });
  test('a commit that is no handoff, and the first one of all', async () => {
    const { repository } = await delivered();
    const hand = repository.push({ [FILE]: VALUES });
    expect(await codeOf(bump(repository, { ...BACK, rollback: hand.oid }))).toBe('E_ROLLBACK_UNKNOWN');
    const [first] = repository.commits;
    expect(await codeOf(bump(repository, { ...BACK, rollback: first?.oid ?? '' }))).toBe('E_ROLLBACK_UNKNOWN');
  });
  test('keys that the handoff made', async () => {
    const repository = new FakeRepository({ [FILE]: 'image:\n  repository: ghcr.io/org/app\n' });
    await bump(repository, { ...image('a'), 'if-missing': 'create' });
    expect(await codeOf(bump(repository, BACK))).toBe('E_ROLLBACK_CREATED');
  });
  test('a trailer names a path that no values file may have', async () => {
    const { repository } = await delivered();
    const id = '00000000-0000-4000-8000-0000000000ff';
    const forged = repository.push({}, `x\n\nBump-Id: ${id}\nBump-Target: ../../etc/x.yaml#0#a\nBump-Value: "1"`);
    expect(await codeOf(bump(repository, { ...BACK, rollback: forged.oid }))).toBe('E_PATH_FORBIDDEN');
  });
});
