/** Promotion: an image moves whole from one file to another, in the order of builds. */
import { expect, test } from '@jest/globals';
import { parseBlocks } from '../../src/bump-helm-tag/trailers.ts';
import { FakeRepository } from './fake.ts';
import { A, B, bump, C, codeOf, DIGEST } from './in-process.ts';

const map = (revision = true): string =>
  `image:\n  repository: ghcr.io/org/app # who\n  tag: ""\n  digest: ""\n${revision ? '  revision: ""\n' : ''}`;
const world = (revision = true): FakeRepository =>
  new FakeRepository({ 'staging.yaml': map(revision), 'prod.yaml': map(revision) });
const to = (file: string, v: string): Record<string, string> => ({
  image: 'ghcr.io/org/app',
  tag: `v${v}`,
  digest: DIGEST(v),
  file,
});
const PROMOTE = { file: 'prod.yaml', 'from-file': 'staging.yaml' };

test.each([
  ['with a revision key', true],
  ['with trailers alone', false],
])('acceptance 22: tag, digest and revision are copied whole, %s', async (_name, revision) => {
  const repository = world(revision);
  await bump(repository, to('staging.yaml', 'b'), B);
  // The run is that of a later commit: what counts is what the image was built from.
  const outcome = await bump(repository, PROMOTE, C);
  expect(outcome.result).toBe('committed');
  expect(repository.head.files['prod.yaml']).toBe(repository.head.files['staging.yaml']);
  expect(parseBlocks(repository.head.message)).toMatchObject([
    {
      sourceRevision: B,
      targets: [{ id: 'prod.yaml#0#image', value: `ghcr.io/org/app:vb@${DIGEST('b')}` }],
    },
  ]);
  expect((await bump(repository, PROMOTE, C)).result).toBe('unchanged');
});

test.each([
  ['with a revision key', true],
  ['with trailers alone', false],
])('acceptance 22: an older image does not go over a newer one, %s', async (_name, revision) => {
  const repository = world(revision);
  await bump(repository, to('prod.yaml', 'c'), C);
  await bump(repository, to('staging.yaml', 'a'), A);
  const before = repository.head.files['prod.yaml'];
  const outcome = await bump(repository, PROMOTE, C);
  expect([outcome.result, outcome.supersededBy]).toEqual(['superseded', C]);
  expect(repository.head.files['prod.yaml']).toBe(before);
});

test('the image that is promoted is the one of the snapshot that is written on', async () => {
  const repository = world();
  await bump(repository, to('staging.yaml', 'a'), A);
  repository.onCommit = (n) => {
    if (n === 2)
      repository.push({
        'staging.yaml': map().replace('tag: ""', 'tag: vb').replace('revision: ""', `revision: ${B}`),
      });
  };
  expect((await bump(repository, PROMOTE)).conflicts).toBe(1);
  expect(repository.head.files['prod.yaml']).toContain(`tag: "vb"\n  digest: ""\n  revision: "${B}"`);
});

test.each<[string, Record<string, string>, string, Record<string, string>]>([
  ['the file is not there', { 'staging.yaml': 'x: 1\n' }, 'E_FILE_MISSING', { 'from-file': 'nope.yaml' }],
  ['no image map', { 'staging.yaml': 'x: 1\n' }, 'E_PATH_MISSING', {}],
  ['nothing delivered there', { 'staging.yaml': map() }, 'E_PATH_MISSING', {}],
  [
    'nobody knows what it was built from',
    { 'staging.yaml': map(false).replace('tag: ""', 'tag: sha-0a1b2c3') },
    'E_OWNER_UNREADABLE',
    {},
  ],
  [
    'another image',
    {
      'staging.yaml': map()
        .replace('org/app', 'org/sidecar')
        .replace('tag: ""', 'tag: v1')
        .replace('revision: ""', `revision: ${A}`),
    },
    'E_OTHER_IMAGE',
    {},
  ],
])('refused: %s', async (_name, files, code, inputs) => {
  const repository = world();
  repository.push(files);
  expect(await codeOf(bump(repository, { ...PROMOTE, ...inputs }))).toBe(code);
  expect(repository.writes).toBe(0);
});
