/** Values files that are not fit to be edited: red with code and place, nothing written, and nothing but the read was sent. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { openSource } from '../../src/yaml/index.ts';
import { prove } from '../../src/yaml/prove.ts';
import { drive } from './drive.ts';
import { codeOf, expectRed, image, putAll, requestsOf, scalar, TRANSPORTS, writesIn } from './kit.ts';
import { DIGEST, startWorld, type World } from './world.ts';

const bomb = (width: number): string =>
  ['a: &a0 [x, x, x, x, x, x, x, x, x]']
    .concat(Array.from({ length: width }, (_, i) => `b${i}: &a${i + 1} [${`*a${i}, `.repeat(9)}]`))
    .concat('tag: v1')
    .join('\n');

const FILES: Record<string, string | Buffer> = {
  'v.yaml': 'image:\n  repository: ghcr.io/org/app\n  tag: v1\nweight: 5\n',
  'two.yaml': 'tag: a\n---\ntag: b\n',
  'twice.yaml': 'x: 1\ntag: a\ntag: b\n',
  'above.yaml': 'image: {tag: a}\nimage: {tag: b}\n',
  'anchor.yaml': 'tag: &t v1\nother: *t\n',
  'alias.yaml': 'a: &t v1\ntag: *t\n',
  'through.yaml': 'a: &img {tag: v1}\nimage: *img\n',
  'merge.yaml': 'b: &b {tag: v1}\nimage:\n  <<: *b\n',
  'typed.yaml': 'x: 1\ntag: !!int 1\n',
  'blank.yaml': 'x: 1\ntag: v1\u00a0# c\n',
  'list.yaml': 'tag: [v1]\n',
  'template.yaml': 'x: 1\ntag: {{ .Values.x }}\n',
  'tabs.yaml': 'image:\n\ttag: v1\n',
  'cr.yaml': 'x: 1\rtag: v1\r',
  'bomb.yaml': bomb(9),
  'deep.yaml': `tag: v1\nx: ${'['.repeat(80)}${']'.repeat(80)}\n`,
  'latin.yaml': Buffer.from('tag: v1 # f\xfcr\n', 'latin1'),
  'lfs.yaml': `version https://git-lfs.github.com/spec/v1\noid sha256:${'4'.repeat(64)}\nsize 12345\n`,
  'large.yaml': `tag: v1\n${'# padding that makes it three megabytes\n'.repeat(80_000)}`,
  'digest.yaml': `x: 1\nimage:\n  tag: v1\n  digest: ${DIGEST('a')}\n`,
  'inside.yaml': `image:\n  tag: "v1@${DIGEST('a')}"\n`,
  'sidecar.yaml': 'sidecar:\n  image:\n    repository: envoyproxy/envoy\n    tag: v1\n',
};

let world: World;
let head: string;
beforeAll(async () => {
  world = await startWorld(FILES as Record<string, string>);
  await putAll(world, [
    { file: 'link.yaml', content: 'v.yaml', mode: '120000' },
    { file: 'sub.yaml', content: '1'.repeat(40), mode: '160000' },
    { file: 'run.yaml', content: 'tag: v1\n', mode: '100755' },
  ]);
  head = await world.head();
});
afterAll(() => world.close());
beforeEach(() => world.forge.clearRequests());

interface Row {
  name: string;
  inputs: Record<string, string>;
  code: string;
  /** Line and column that the annotation shows; without it the file alone. */
  at?: [number, number?];
  /** Words of the message. */
  says?: string;
  /** The refusal is about the file as a whole, before it was read: its name stands in the message. */
  nowhere?: boolean;
}

// What is judged here is the same for both transports: a process for one of them is enough.
const start = {
  github: (inputs: Record<string, string>) => world.bump(inputs),
  git: (inputs: Record<string, string>) => drive(world, inputs),
};

const tagOf = (file: string): Record<string, string> => scalar('tag', 'v2', file);
const imageOf = (file: string, over: Record<string, string> = {}): Record<string, string> =>
  image('b', { file, ...over });

const ROWS: Row[] = [
  { name: 'file missing', inputs: tagOf('w.yaml'), code: 'E_FILE_MISSING', says: 'w.yaml', nowhere: true },
  {
    name: 'document missing',
    inputs: { updates: '- {file: two.yaml, document: 2, path: tag, value: v2}' },
    code: 'E_DOCUMENT_MISSING',
    says: 'only 0..1',
  },
  {
    name: 'path missing',
    inputs: imageOf('v.yaml', { 'image-path': 'imgae' }),
    code: 'E_PATH_MISSING',
    says: 'nearest is "image"',
  },
  {
    name: 'trap 13: several documents',
    inputs: tagOf('two.yaml'),
    code: 'E_DOCUMENT_AMBIGUOUS',
    says: 'document: 0..1',
  },
  { name: 'trap 12: duplicate key', inputs: tagOf('twice.yaml'), code: 'E_DUPLICATE_KEY', at: [1, 1], says: '"tag"' },
  {
    name: 'trap 12: duplicate key above',
    inputs: scalar('image.tag', 'v2', 'above.yaml'),
    code: 'E_DUPLICATE_KEY',
    at: [1, 1],
  },
  { name: 'trap 9: shared anchor', inputs: tagOf('anchor.yaml'), code: 'E_ANCHOR_SHARED', says: 'other' },
  { name: 'trap 10: alias', inputs: tagOf('alias.yaml'), code: 'E_ALIAS_TARGET', at: [2, 6], says: '&t' },
  {
    name: 'trap 10: through an alias',
    inputs: scalar('image.tag', 'v2', 'through.yaml'),
    code: 'E_ANCHOR_SHARED',
    at: [2, 8],
  },
  { name: 'trap 11: merge key', inputs: scalar('image.tag', 'v2', 'merge.yaml'), code: 'E_MERGE_KEY', at: [3, 3] },
  { name: 'tag of YAML', inputs: tagOf('typed.yaml'), code: 'E_CUSTOM_TAG', at: [2] },
  { name: 'trap 17: swallowed comment', inputs: tagOf('blank.yaml'), code: 'E_COMMENT_SWALLOWED', at: [2, 6] },
  { name: 'a list', inputs: tagOf('list.yaml'), code: 'E_PATH_NOT_SCALAR', at: [1, 6] },
  {
    name: 'two edits of one place',
    inputs: {
      updates: `- {file: v.yaml, image: image, ref: "ghcr.io/org/app:v2"}\n- {file: v.yaml, path: image.tag, value: v3}`,
    },
    code: 'E_OVERLAPPING_EDITS',
  },
  { name: 'another type', inputs: scalar('weight', 'five', 'v.yaml'), code: 'E_TYPE_CHANGED', at: [4, 9] },
  { name: 'trap 16: template', inputs: tagOf('template.yaml'), code: 'E_YAML_INVALID', at: [2] },
  { name: 'trap 16: tabs', inputs: tagOf('tabs.yaml'), code: 'E_YAML_INVALID', at: [2] },
  { name: 'trap 16: lone CR', inputs: tagOf('cr.yaml'), code: 'E_YAML_INVALID', at: [1], says: 'carriage returns' },
  { name: 'alias bomb', inputs: tagOf('bomb.yaml'), code: 'E_YAML_INVALID' },
  { name: 'nesting', inputs: tagOf('deep.yaml'), code: 'E_YAML_INVALID', at: [2], says: 'nesting' },
  { name: 'trap 36: Latin-1', inputs: tagOf('latin.yaml'), code: 'E_NOT_UTF8' },
  { name: 'trap 36: LFS pointer', inputs: tagOf('lfs.yaml'), code: 'E_LFS_POINTER' },
  { name: 'trap 36: 3 MiB', inputs: tagOf('large.yaml'), code: 'E_FILE_TOO_LARGE', nowhere: true },
  {
    name: 'trap 36: symbolic link',
    inputs: tagOf('link.yaml'),
    code: 'E_FILE_MODE',
    says: 'symbolic link',
    nowhere: true,
  },
  { name: 'trap 36: submodule', inputs: tagOf('sub.yaml'), code: 'E_FILE_MODE', says: 'commit', nowhere: true },
  {
    name: 'trap 19: a digest stands there and only a tag is given',
    inputs: imageOf('digest.yaml', { digest: '' }),
    code: 'E_DIGEST_IGNORED',
    at: [4, 11],
  },
  {
    name: 'the tag holds a digest and none is given',
    inputs: imageOf('inside.yaml', { digest: '' }),
    code: 'E_DIGEST_REQUIRED',
    at: [2, 8],
  },
  {
    name: 'only a digest is given and a tag stands there: it is not emptied',
    inputs: imageOf('inside.yaml', { tag: '' }),
    code: 'E_TAG_REQUIRED',
    at: [2, 8],
  },
  {
    name: 'trap 20: the path points at a sidecar',
    inputs: imageOf('sidecar.yaml', { 'image-path': 'sidecar.image' }),
    code: 'E_OTHER_IMAGE',
    at: [3, 17],
  },
];

test('an edit that cannot be proven: a report is asked for', () => {
  const before = openSource(Buffer.from('tag: v1\nother: x\n'), 'v.yaml');
  const refusal = expect.objectContaining({ code: 'E_EDIT_NOT_PROVEN', message: expect.stringContaining('report') });
  expect(() => prove(before, 'tag: v1\nother: y\n', [], [], [])).toThrow(refusal);
});

describe.each(TRANSPORTS)('transport %s', (transport) => {
  test.each(ROWS)('$name: $code', async ({ inputs, code, at, says, nowhere }) => {
    const run = await start[transport]({ ...inputs, transport });
    const problem = expectRed(run, code);
    const file =
      /file: ?([a-z.]+)/.exec(inputs.updates ?? '')?.[1] ??
      /"file":"([a-z.]+)"/.exec(inputs.updates ?? '')?.[1] ??
      inputs.file;
    if (nowhere) expect(problem.message).toContain(file);
    else expect(problem).toMatchObject({ file });
    if (at !== undefined) expect([problem.line, problem.column].slice(0, at.length)).toEqual(at);
    if (says !== undefined) expect(problem.message).toContain(says);
    expect(await world.head()).toBe(head);
    expect(writesIn(world)).toBe(0);
    const { config, source } = requestsOf(world);
    expect(source).toEqual([]);
    if (transport === 'github') expect(config.filter((name) => !name.includes('/git/blobs/'))).toEqual(['BumpRead']);
  });

  test('trap 37: an executable file', async () => {
    const run = await world.bump({ ...tagOf('run.yaml'), transport, 'dry-run': 'true' });
    if (transport === 'git') return expect([run.code, run.outputs.result]).toEqual([0, 'dry-run']);
    expect(expectRed(run, 'E_FILE_MODE').message).toContain('transport: git');
  });

  test('one unfit target of several: no commit, its place is annotated', async () => {
    const updates = JSON.stringify([
      { file: 'v.yaml', path: 'image.tag', value: 'v2' },
      { file: 'v.yaml', path: 'weight', value: 6, type: 'number' },
      { file: 'alias.yaml', path: 'tag', value: 'v2' },
    ]);
    const run = await world.bump({ updates, transport });
    expect(expectRed(run, 'E_ALIAS_TARGET')).toMatchObject({ file: 'alias.yaml', line: 2, column: 6 });
    expect([await world.head(), writesIn(world), codeOf(run.log)]).toEqual([head, 0, 'E_ALIAS_TARGET']);
  });
});
