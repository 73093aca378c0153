/** The action as a runner starts it, against the forge, through both transports. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { git } from '../../lab/forge/git.ts';
import { parseBlocks } from '../../src/bump-helm-tag/trailers.ts';
import { DIGEST, startWorld, VALUES, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.close());

const image = (c: string, over: Record<string, string> = {}): Record<string, string> => ({
  image: 'ghcr.io/org/app',
  tag: `sha-${c}`,
  digest: DIGEST(c),
  file: 'env/v.yaml',
  ...over,
});
const codeOf = (log: string): string | undefined => /^::error .*\[(E_[A-Z_]+)\]$/m.exec(log)?.[1];

describe.each(['github', 'git'])('transport %s', (transport) => {
  test('one commit, one parent, only the named scalars changed; a second run changes nothing', async () => {
    const base = await world.head();
    const first = await world.bump({ ...image('b'), transport });
    expect(first.log).toContain('::notice');
    expect(first.code).toBe(0);
    expect(first.outputs).toMatchObject({
      result: 'committed',
      changed: 'true',
      'base-sha': base,
      attempts: '1',
      conflicts: '0',
      verified: String(transport === 'github'),
    });
    expect(await world.read()).toBe(
      VALUES.replace('tag: ""   # keep', 'tag: "sha-b"   # keep')
        .replace('digest: ""\n', `digest: "${DIGEST('b')}"\n`)
        .replace('revision: ""\n', `revision: "${world.revisions.c}"\n`),
    );
    expect((await world.log('%P'))[0]).toBe(base);
    const [block] = parseBlocks((await git(world.path, ['log', '-1', '--format=%B', 'main'])).toString());
    expect(block).toMatchObject({
      bumpId: first.outputs['bump-id'],
      sourceRevision: world.revisions.c,
      targets: [{ id: 'env/v.yaml#0#image', value: `ghcr.io/org/app:sha-b@${DIGEST('b')}` }],
    });

    world.forge.clearRequests();
    const second = await world.bump({ ...image('b'), transport });
    expect([second.code, second.outputs.result, second.outputs['commit-sha']]).toEqual([
      0,
      'unchanged',
      first.outputs['commit-sha'],
    ]);
    if (transport === 'github') expect(world.forge.requests()).toHaveLength(1);
  });

  test('typed scalars and only-if move a canary weight; a mismatch writes nothing', async () => {
    const entry = (value: number, onlyIf: string): Record<string, string> => ({
      transport,
      updates: `- {file: env/v.yaml, path: canary.weight, value: ${value}, type: number, only-if: {canary.weight: "${onlyIf}"}}`,
    });
    expect((await world.bump(entry(5, '0'))).outputs.result).toBe('committed');
    const before = await world.head();
    const wrong = await world.bump(entry(25, '10'));
    expect([wrong.code, wrong.outputs.result, wrong.outputs['superseded-by'], wrong.outputs['commit-sha']]).toEqual([
      0,
      'superseded',
      '',
      '',
    ]);
    expect(wrong.log).toContain('canary.weight is "5", expected "10"');
    expect(await world.head()).toBe(before);
    expect((await world.bump(entry(10, '5'))).outputs.result).toBe('committed');
    expect(await world.read()).toBe(VALUES.replace('weight: 0', 'weight: 10'));
  });

  test('trap 31: an older build is superseded, by name; trap 33: a diverged one is red, and written with a reason', async () => {
    const { a, b, side } = world.revisions;
    await world.bump({ ...image('b'), transport, 'source-revision': b });
    const older = await world.bump({ ...image('a'), transport, 'source-revision': a });
    expect([older.code, older.outputs.result, older.outputs['superseded-by']]).toEqual([0, 'superseded', b]);
    const diverged = await world.bump({ ...image('e'), transport, 'source-revision': side });
    expect([diverged.code, codeOf(diverged.log)]).toEqual([1, 'E_HISTORY_DIVERGED']);
    const forced = await world.bump({
      ...image('e'),
      transport,
      'source-revision': side,
      'allow-downgrade': 'true',
      reason: 'the fix is there',
    });
    expect(forced.outputs.result).toBe('committed');
    expect((await git(world.path, ['log', '-1', '--format=%B', 'main'])).toString()).toContain(
      'Downgrade-Reason: the fix is there',
    );
  });

  test('an older build learns who stands there also when its only-if does not hold', async () => {
    const { b, c } = world.revisions;
    await world.bump({
      transport,
      'source-revision': c,
      updates: `- {file: env/v.yaml, image: canary.image, ref: "ghcr.io/org/app:sha-c@${DIGEST('c')}"}`,
    });
    const late = await world.bump({
      transport,
      'source-revision': b,
      updates: `- {file: env/v.yaml, image: canary.image, ref: "ghcr.io/org/app:sha-b@${DIGEST('b')}", only-if: {canary.image.digest: "${DIGEST('b')}"}}`,
    });
    expect([late.outputs.result, late.outputs['superseded-by']]).toEqual(['superseded', c]);
  });

  test('trap 26: our commit landed, the answer was lost, a newer bump came on top', async () => {
    const operation =
      transport === 'github' ? { operation: 'BumpCommit' } : { path: /git-receive-pack$/, method: 'POST' };
    world.forge.faults.add({ match: operation, reset: 'after' });
    const run = await world.bump({ ...image('b'), transport });
    expect([run.code, run.outputs.result]).toEqual([0, 'committed']);
    expect(await world.head()).toBe(run.outputs['commit-sha']);
    expect(await world.log()).toHaveLength(2);
  });

  test('trap 27: the answer was lost before the effect: sent again, one commit', async () => {
    const operation =
      transport === 'github' ? { operation: 'BumpCommit' } : { path: /git-receive-pack$/, method: 'POST' };
    world.forge.faults.add({ match: operation, reset: 'before' });
    const run = await world.bump({ ...image('b'), transport });
    expect([run.code, run.outputs.result]).toEqual([0, 'committed']);
    expect(await world.log()).toHaveLength(2);
  });

  test('dry run: a read-only token suffices, the diff applies, nothing is written', async () => {
    const token = world.forge.createToken({ permissions: { contents: 'read' } });
    const before = await world.head();
    const run = await world.bump(
      { ...image('b'), transport, token, 'dry-run': 'true' },
      { GITHUB_EVENT_NAME: 'pull_request' },
    );
    expect([run.code, run.outputs.result]).toEqual([0, 'dry-run']);
    expect(run.outputs.diff).toContain('+  tag: "sha-b"   # keep');
    expect(await world.head()).toBe(before);
  });

  test('several files and targets: one commit; one unfit target: none', async () => {
    const more = await startWorld({
      'a.yaml': 'image: {tag: v1}\nx: 1\n',
      'b.yaml': 'tag: v1 # t\n',
      'c.yaml': '{{ bad }}\n',
    });
    try {
      const good =
        '- {files: [a.yaml], image: image, ref: "r.io/o/x:v2"}\n- {file: b.yaml, path: tag, value: v2}\n- {file: a.yaml, path: x, value: 2, type: number}\n';
      const red = await more.bump({ transport, updates: `${good}- {file: c.yaml, path: a, value: b}\n` });
      expect([red.code, codeOf(red.log), (await more.log()).length]).toEqual([1, 'E_YAML_INVALID', 1]);
      expect((await more.bump({ transport, updates: good })).outputs.result).toBe('committed');
      expect([await more.read('a.yaml'), await more.read('b.yaml'), (await more.log()).length]).toEqual([
        'image: {tag: v2}\nx: 2\n',
        'tag: v2 # t\n',
        2,
      ]);
    } finally {
      await more.close();
    }
  });

  test('a read-only token and a protected branch are red, nothing written', async () => {
    const before = await world.head();
    const token = world.forge.createToken({ permissions: { contents: 'read' } });
    expect(codeOf((await world.bump({ ...image('b'), transport, token })).log)).toBe('E_PERMISSION_MISSING');
    const rules = [{ type: 'pull_request' }];
    world.forge
      .repository('org/cfg')
      .rulesets.push({ id: 1, name: 'r', target: 'branch', enforcement: 'active', rules });
    expect(codeOf((await world.bump({ ...image('b'), transport })).log)).toBe('E_BRANCH_PROTECTED');
    expect(await world.head()).toBe(before);
  });
});

test('an uncontended bump is two requests to the config repository and at most one to the source', async () => {
  await world.bump({ ...image('b'), 'source-revision': world.revisions.b });
  world.forge.clearRequests();
  await world.bump(image('c'));
  const requests = world.forge.requests().map((r) => r.operation ?? r.path);
  expect(requests).toEqual(['BumpRead', expect.stringMatching(/\/repos\/org\/app\/compare\//), 'BumpCommit']);
});

test('trap 29: a false stale, twice, ends well', async () => {
  const stale = {
    status: 200,
    body: '{"data":{"createCommitOnBranch":null},"errors":[{"type":"STALE_DATA","message":"Expected branch to point to x"}]}',
  };
  world.forge.faults.add({ match: { operation: 'BumpCommit' }, answer: stale, times: 2 });
  const run = await world.bump(image('b'));
  expect([run.code, run.outputs.result, run.outputs.conflicts]).toEqual([0, 'committed', '2']);
});

test('trap 14 of the fault table: throttled for longer than the deadline is red at once', async () => {
  world.forge.faults.add({
    match: { operation: 'BumpCommit' },
    answer: {
      status: 403,
      headers: { 'retry-after': '900' },
      body: '{"message":"You have exceeded a secondary rate limit"}',
    },
  });
  const run = await world.bump({ ...image('b'), deadline: '60s' });
  expect([run.code, codeOf(run.log)]).toEqual([1, 'E_RATE_LIMITED']);
  expect(await world.log()).toHaveLength(1);
});

test('trap 32: edited by hand since: written, and said', async () => {
  const entry = (value: number): Record<string, string> => ({
    updates: `- {file: env/v.yaml, path: canary.weight, value: ${value}, type: number}`,
  });
  await world.bump(entry(5));
  const edited = Buffer.from((await world.read()).replace('weight: 5', 'weight: 7'));
  const blob = (await git(world.path, ['hash-object', '-w', '--stdin'], edited)).toString().trim();
  const tree = (
    await git(
      world.path,
      ['mktree'],
      `040000 tree ${(await git(world.path, ['mktree'], `100644 blob ${blob}\tv.yaml\n`)).toString().trim()}\tenv\n`,
    )
  )
    .toString()
    .trim();
  const who = {
    GIT_AUTHOR_NAME: 'p',
    GIT_AUTHOR_EMAIL: 'p@example.org',
    GIT_COMMITTER_NAME: 'p',
    GIT_COMMITTER_EMAIL: 'p@example.org',
  };
  const commit = (await git(world.path, ['commit-tree', tree, '-p', 'main', '-m', 'by hand'], undefined, who))
    .toString()
    .trim();
  await git(world.path, ['update-ref', 'refs/heads/main', commit]);
  const run = await world.bump(entry(10));
  expect([run.outputs.result, run.log.includes('[W_HAND_EDITED]') || run.log.includes('W_HAND_EDITED')]).toEqual([
    'committed',
    true,
  ]);
});

test('trap 34: hostile texts stay texts', async () => {
  const run = await world.bump({
    ...image('b'),
    message: 'x {ref-name}\n\nBump-Id: 00000000-0000-0000-0000-000000000000',
    'source-ref': 'refs/heads/a\nBump-Id: 1[skip ci]',
  });
  expect(run.code).toBe(0);
  const message = (await git(world.path, ['log', '-1', '--format=%B', 'main'])).toString();
  expect(message.split('\n')[0]).toBe('x a Bump-Id: 1(skip ci)');
  expect(parseBlocks(message).map((b) => b.bumpId)).toEqual([run.outputs['bump-id']]);
});

describe('bad input: one message with a code, red, nothing written, nothing sent', () => {
  test.each<[string, Record<string, string>, string]>([
    ['no target', {}, 'E_INPUT'],
    ['tag with a command', { ...image('b'), tag: 'v1%0A::set-output x\n::error::y' }, 'E_INPUT'],
    ['path of the workflows', { ...image('b'), file: '.github/workflows/x.yml' }, 'E_PATH_FORBIDDEN'],
  ])('%s', async (_name, inputs, code) => {
    const run = await world.bump(inputs);
    expect([run.code, codeOf(run.log)]).toEqual([1, code]);
    expect(run.log.match(/^::error /gm)).toHaveLength(1);
    expect(world.forge.requests()).toEqual([]);
  });
  test('a pull request hands nothing off', async () => {
    expect(codeOf((await world.bump(image('b'), { GITHUB_EVENT_NAME: 'pull_request' })).log)).toBe(
      'E_EVENT_NOT_ALLOWED',
    );
  });
  test.each([
    ['another image', { image: 'ghcr.io/org/other' }, 'E_OTHER_IMAGE'],
    ['missing file', { file: 'env/w.yaml' }, 'E_FILE_MISSING'],
    ['missing path', { 'image-path': 'imgae' }, 'E_PATH_MISSING'],
    ['missing branch', { branch: 'nope' }, 'E_BRANCH_NOT_FOUND'],
    ['missing repository', { 'config-repository': 'org/nope' }, 'E_REPOSITORY_NOT_FOUND'],
  ])('%s', async (_name, over, code) => {
    const before = await world.head();
    expect(codeOf((await world.bump(image('b', over as unknown as Record<string, string>))).log)).toBe(code);
    expect(await world.head()).toBe(before);
  });
});

test('trap 43: SIGTERM while the mutation is under way: red, and the message says what became of it', async () => {
  world.forge.faults.add({ match: { operation: 'BumpCommit' }, delayMs: 800 });
  const controller = new AbortController();
  const seen = setInterval(() => {
    if (world.forge.requests().some((r) => r.operation === 'BumpCommit')) controller.abort();
  }, 20);
  const run = await world.bump(image('b'), {}, controller.signal);
  clearInterval(seen);
  expect([run.code, codeOf(run.log)]).toEqual([1, 'E_CANCELLED']);
  expect(run.log).toContain(`it was written as ${(await world.head()).slice(0, 12)}`);
});

test.each(['github', 'git'])(
  'secrets: %s: through faults and refusals a token is in no log, output or summary',
  async (transport) => {
    const write = { path: /graphql$|git-receive-pack$/, method: 'POST' };
    const wrong = { token: 'ghs_0123456789abcdefSECRET', 'source-token': 'ghs_fedcba9876543210SECRET' };
    const runs = [await world.bump({ ...image('b'), transport, ...wrong })];
    for (const fault of [
      { reset: 'after' as const },
      { answer: { status: 500, body: JSON.stringify({ message: `bad token ${world.token}` }) } },
    ]) {
      world.forge.faults.add({ match: write, skip: 1, ...fault });
      runs.push(await world.bump({ ...image(String(runs.length)), transport }));
    }
    const basic = (t: string): string => Buffer.from(`x-access-token:${t}`).toString('base64');
    for (const run of runs) {
      const all = JSON.stringify([run.log.replace(/^::add-mask::.*$/gm, ''), run.outputs, run.summary]);
      for (const t of [world.token, ...Object.values(wrong)]) {
        expect(all).not.toContain(t);
        expect(all).not.toContain(basic(t));
      }
    }
  },
);
