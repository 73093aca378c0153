/** Hostile texts: in inputs, in what the runner says of the run, in the values file. Refused, or nothing but text. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseBumpInputs } from '../../src/bump-helm-tag/inputs.ts';
import { run } from '../../src/bump-helm-tag/run.ts';
import { parseBlocks } from '../../src/bump-helm-tag/trailers.ts';
import { ActionError, Deadline, fakeClock, memoryLog } from '../../src/runner/index.ts';
import { FakeRepository, lineOf } from './fake.ts';
import { expectRed, image, lastMessage, putAll, scalar, TRANSPORTS } from './kit.ts';
import { startWorld, type World } from './world.ts';

const ID = '7b0c6f0e-0000-4000-8000-000000000000';
/** Of a block that somebody wants to slip in. */
const OTHER = ID.replace('7', '8');

describe('inputs that are refused: one message, nothing sent', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world.close());
  afterEach(() => expect(world.forge.requests()).toEqual([]));

  test.each<[string, Record<string, string>, string]>([
    ['trap 34: a tag with a command', { tag: 'v1%0A::set-output x' }, 'E_INPUT'],
    ['trap 34: a tag of several lines', { tag: 'v1\n::error::x\n##[error]y' }, 'E_INPUT'],
    ['trap 34: a branch with a trailer', { branch: `x\nBump-Id: ${OTHER}` }, 'E_INPUT'],
    ['a branch that is an option', { branch: '--upload-pack=touch x' }, 'E_INPUT'],
    ['a repository with a query', { 'config-repository': 'org/cfg?x=\n::error::y' }, 'E_INPUT'],
    ['a reason of two lines', { 'allow-downgrade': 'true', reason: `x\nBump-Id: ${OTHER}` }, 'E_INPUT'],
    ['a trailer of ours', { trailers: `Bump-Id: ${OTHER}` }, 'E_INPUT'],
    ['a variable that is none', { message: '{tag} {::error::x}' }, 'E_INPUT'],
    ['an update that is no list', { updates: '::error::x: [' }, 'E_INPUT'],
    [
      'an alias bomb of updates',
      {
        updates: `- &a [x,x]\n${Array.from({ length: 30 }, (_, i) => `- &a${i} [${`*a${i === 0 ? '' : i - 1}, `.repeat(9)}]`).join('\n')}`,
      },
      'E_INPUT',
    ],
    ['trap 35: a path above', { file: '../x.yaml' }, 'E_PATH_FORBIDDEN'],
    ['trap 35: a path of git', { file: 'a/.GIT/x.yaml' }, 'E_PATH_FORBIDDEN'],
    ['trap 35: a path with NUL and a command', { file: 'x.yaml\u0000\n::error::x' }, 'E_PATH_FORBIDDEN'],
    ['a path that reads backwards', { file: 'env/\u202elmay.v.yaml' }, 'E_PATH_FORBIDDEN'],
    ['a path with a character of no width', { file: 'env/v\u200b.yaml' }, 'E_PATH_FORBIDDEN'],
    ['a path that switches off workflows', { file: 'env/[skip ci]/v.yaml' }, 'E_PATH_FORBIDDEN'],
  ])('%s', async (_name, over, code) => {
    // A variable of the environment holds no NUL.
    const inputs = Object.fromEntries(
      Object.entries({ ...image('b'), ...over }).map(([k, v]) => [k, v.replace('\u0000', '\u0001')]),
    );
    const run = await world.bump(inputs);
    expectRed(run, code);
    expect(run.log).not.toMatch(/^\s*::(?!error title=|add-mask)/m);
    expect(run.log.split('\n').filter((line) => line.includes('##['))).toEqual([]);
  });
});

describe.each(TRANSPORTS)('transport %s', (transport) => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld();
  });
  afterEach(() => world.close());

  test('trap 34: texts of the run stay texts in the message, and workflows stay on', async () => {
    const evil = `a\nBump-Id: ${OTHER}\n\n[skip ci]\u202e\u200b[ci\u200b skip]`;
    const run = await world.bump(
      {
        ...image('b'),
        transport,
        message: `x {ref-name} {actor}\n\nBump-Id: ${OTHER}\n\n[skip ci] {actor} {run-url}`,
        'source-ref': `refs/heads/${evil}${'y'.repeat(10_000)}`,
        trailers: 'Signed-off-by: A [skip ci] <a@example.org>',
      },
      { GITHUB_ACTOR: evil, GITHUB_RUN_ID: evil, GITHUB_RUN_ATTEMPT: '1\r\nReverts: x' },
    );
    expect(run.outputs.result).toBe('committed');
    const message = await lastMessage(world);
    const blocks = parseBlocks(message);
    expect(blocks.map((b) => [b.bumpId, b.sourceRevision, b.reverts])).toEqual([
      [run.outputs['bump-id'], world.revisions.c, ''],
    ]);
    expect(message).not.toMatch(/\[(skip ci|ci skip)\]/i);
    expect(message).not.toMatch(/[\u202e\u200b\r]/);
    expect(message.split('\n')[0]?.length).toBeLessThanOrEqual(72);
  });

  test('a values file full of markup and commands: log, summary and annotations keep their form', async () => {
    const nasty = '`````` ::error::x | <script>alert(1)</script> ##[error]y @me [a](b)';
    const text = [
      '# ::error::owned',
      '::warning::owned: 1',
      'a: |',
      '  ::set-output name=x::y',
      '  ``````',
      '  </details><img src=x> | x | y |',
      '  ##[error]owned',
      '  ~~~~',
      `tag: '${nasty}'`,
      '::error::key: v1',
      '"``````diff": 1',
      '# \u001b[31m\u202ereversed',
    ].join('\n');
    await putAll(world, [{ file: 'n.yaml', content: `${text}\n` }]);
    const updates = JSON.stringify([
      { file: 'n.yaml', path: 'tag', value: `${nasty}2` },
      { file: 'n.yaml', path: '::error::key', value: '::error::v2' },
    ]);
    const run = await world.bump({ transport, updates });
    expect([run.code, run.outputs.result]).toEqual([0, 'committed']);
    // Commands of ours alone.
    for (const line of run.log.split('\n').filter((l) => /^\s*::/.test(l)))
      expect(line).toMatch(
        /^::(add-mask|group|endgroup|debug|notice title=bump-helm-tag|warning title=W_[A-Z_]+)(::| )/,
      );
    expect(run.log.split('\n').filter((l) => l.includes('##[') && !l.startsWith('::notice'))).toEqual([]);
    // The table has a row a target, each of four cells.
    const rows = run.summary.split('\n').filter((line) => /^\| .*n\.yaml/.test(line));
    expect(rows).toHaveLength(2);
    for (const row of rows) expect(row.replaceAll('\\|', '').split('|')).toHaveLength(6);
    // Outside of the fence nothing of the file is markup, and the fence holds the diff to its end.
    const [, before = '', ticks = '', diff = '', after = ''] =
      /^([\s\S]*?)\n(`{3,})diff\n([\s\S]*)\n\2\n([\s\S]*)$/.exec(run.summary) ?? [];
    expect(ticks.length).toBeGreaterThan(6);
    expect(diff).not.toContain(ticks);
    expect(diff).toContain('::error::v2');
    expect([after.trim(), before.replace(/(`+)(?!`)[\s\S]*?(?<!`)\1(?!`)/g, '')].join('\n')).not.toMatch(
      /script|@me|owned|::error/,
    );
    expect(run.summary).not.toMatch(/[\u001b\u202e]/);
    // The output holds the very bytes.
    expect(run.outputs.diff).toContain('\u001b[31m\u202ereversed');
    expect(Object.keys(run.outputs)).not.toContain('x');
  });

  test('a key and a value that look like nothing: written, remembered, guarded', async () => {
    const { a, b } = world.revisions;
    await putAll(world, [{ file: 'z.yaml', content: '"k\u200by": "v\u202e0"\n' }]);
    const at = (value: string, revision: string): Promise<Awaited<ReturnType<World['bump']>>> =>
      world.bump({ ...scalar('k\u200by', value, 'z.yaml'), transport, 'source-revision': revision });
    expect((await at('[skip ci] \u202e1', b)).outputs.result).toBe('committed');
    expect(await lastMessage(world)).not.toMatch(/\[skip ci\]|[\u200b\u202e]/);
    const older = await at('2', a);
    expect([older.outputs.result, older.outputs['superseded-by']]).toEqual(['superseded', b]);
  });
});

const C = 'c'.repeat(40);
async function committed(repository: FakeRepository, inputs: Record<string, string>, env: Record<string, string>) {
  const given = { 'config-repository': 'org/cfg', token: 't', ...inputs };
  const parsed = parseBumpInputs({
    GITHUB_REPOSITORY: 'org/app',
    GITHUB_SHA: C,
    ...env,
    ...Object.fromEntries(Object.entries(given).map(([name, text]) => [`INPUT_${name.toUpperCase()}`, text])),
  });
  const clock = fakeClock();
  using deadline = new Deadline(parsed.deadline, clock);
  const ports = { repository, source: lineOf(C), clock, random: () => 0.5, deadline, log: memoryLog() };
  return await run(parsed, ID, ports);
}

test('whatever stands in the free texts: the message holds our blocks and no other, or the run is refused', async () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.string({ unit: 'grapheme', maxLength: 60 }),
    fc.constantFrom(
      `x\nBump-Id: ${OTHER}`,
      `\r\n\r\nBump-Id: ${OTHER}\r\nBump-Target: z`,
      `\u2028Bump-Id: ${OTHER}`,
      `\u0085\u000bBump-Id: ${OTHER}`,
      '\u001b[31m',
      '\u001b[31m \ufeff',
      '[skip\u200b ci][SKIP CI]',
      'a\n\n b',
      '{tag}{{tag}',
      ' ',
      `${'long '.repeat(2000)}end`,
      `Bump-Id: ${OTHER}`,
    ),
  );
  const value = text.filter((t) => !/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(t) && t.isWellFormed());
  await fc.assert(
    fc.asyncProperty(
      fc.record({ message: text, ref: text, actor: text, run: text, reason: text, trailer: text, value, author: text }),
      async (t) => {
        const repository = new FakeRepository({ 'v.yaml': 'k: v1\nimage: {tag: x, revision: ""}\n' });
        const inputs = {
          updates: JSON.stringify([
            { file: 'v.yaml', path: 'k', value: t.value },
            { file: 'v.yaml', image: 'image', ref: 'r.io/o/x:v2' },
          ]),
          message: t.message,
          'source-ref': t.ref,
          'allow-downgrade': 'true',
          reason: t.reason,
          trailers: `Note: ${t.trailer}`,
        };
        const env = { GITHUB_ACTOR: t.actor, GITHUB_RUN_ID: t.run };
        const outcome = await committed(repository, inputs, env).catch((error: unknown) => {
          if (error instanceof ActionError && error.code === 'E_INPUT') return undefined;
          throw error;
        });
        if (outcome?.result !== 'committed') return expect(repository.commits).toHaveLength(1);
        const { message } = repository.head;
        expect(parseBlocks(message)).toEqual([
          expect.objectContaining({
            bumpId: ID,
            sourceRevision: C,
            sourceRepository: 'github.com/org/app',
            reverts: '',
            targets: [
              { id: 'v.yaml#0#k', kind: 'scalar', value: t.value },
              { id: 'v.yaml#0#image', kind: 'image', value: 'r.io/o/x:v2' },
            ],
          }),
        ]);
        const [headline = ''] = message.split('\n');
        expect(headline.trim()).not.toBe('');
        expect(headline.length).toBeLessThanOrEqual(72);
        expect(message).not.toMatch(/\[(skip ci|ci skip|no ci|skip actions|actions skip)\]/i);
        expect(message.replaceAll('\n', '')).not.toMatch(
          /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\ufeff]/,
        );
      },
    ),
    { numRuns: 300 },
  );
});
