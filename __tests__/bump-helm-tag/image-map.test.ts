/** What is written into an image map: the table of the README, row by row. */
import { describe, expect, test } from '@jest/globals';
import { type ImagePolicy, planImage } from '../../src/bump-helm-tag/image-map.ts';
import { makePlan } from '../../src/bump-helm-tag/plan.ts';
import type { ImageTarget } from '../../src/bump-helm-tag/target.ts';
import { ActionError } from '../../src/runner/index.ts';
import { editValues, openSource } from '../../src/yaml/index.ts';

const D = `sha256:${'d'.repeat(64)}`;
const R = 'e'.repeat(40);
const IMAGE = 'ghcr.io/org/app';

interface Case {
  tag?: string;
  digest?: string;
  image?: string;
  policy?: Partial<ImagePolicy>;
  keys?: string;
}
function apply(text: string, o: Case = {}): string {
  const bytes = new TextEncoder().encode(text);
  const ref = `${o.image ?? IMAGE}${o.tag === '' ? '' : `:${o.tag ?? 'v2'}`}${o.digest === undefined ? '' : `@${o.digest}`}`;
  const [target] = makePlan({
    updates: `- {file: v.yaml, image: image, ref: "${ref}"${o.keys === undefined ? '' : `, keys: ${o.keys}`}}`,
    files: [],
    imagePath: 'image',
    want: undefined,
  });
  const policy: ImagePolicy = { form: 'auto', otherImage: 'fail', revision: R, ...o.policy };
  try {
    const changes = planImage(openSource(bytes, 'v.yaml'), target as ImageTarget, policy);
    return new TextDecoder().decode(editValues(bytes, 'v.yaml', changes).bytes);
  } catch (error) {
    if (error instanceof ActionError) return error.code;
    throw error;
  }
}

describe('written', () => {
  test.each<[string, string, string, Case?]>([
    ['a reference', 'image: ghcr.io/org/app:v1\n', 'image: ghcr.io/org/app:v2\n'],
    ['a reference with digest', 'image: ghcr.io/org/app:v1\n', `image: ghcr.io/org/app:v2@${D}\n`, { digest: D }],
    [
      'a reference without digest by form',
      'image: ghcr.io/org/app:v1\n',
      'image: ghcr.io/org/app:v2\n',
      { digest: D, policy: { form: 'tag' } },
    ],
    ['an empty reference', 'image: ""\n', 'image: "ghcr.io/org/app:v2"\n'],
    ['a tag alone', 'image: {tag: v1}\n', 'image: {tag: v2}\n'],
    ['tag and digest', 'image: {tag: v1, digest: ""}\n', `image: {tag: v2, digest: "${D}"}\n`, { digest: D }],
    ['an empty digest without a digest', 'image: {tag: v1, digest: ""}\n', 'image: {tag: v2, digest: ""}\n'],
    [
      'a digest without a tag empties the tag beside it: the old one would lie',
      'image: {tag: v1, digest: ""}\n',
      `image: {tag: "", digest: "${D}"}\n`,
      { tag: '', digest: D },
    ],
    [
      'null is what an empty key is',
      'image: {registry: null, repository: ~, tag: ~, digest: null}\n',
      'image: {registry: ghcr.io, repository: org/app, tag: v2, digest: null}\n',
    ],
    [
      'a registry of null is none',
      'image: {registry: ~, repository: ghcr.io/org/app, tag: v1}\n',
      'image: {registry: ~, repository: ghcr.io/org/app, tag: v2}\n',
    ],
    [
      'a tag that is made where only a digest key is',
      'image:\n  digest: ""\n',
      'image:\n  digest: ""\n  tag: v2\n',
      { policy: { ifMissing: 'create' } },
    ],
    ['a digest alone', 'image: {digest: ""}\n', `image: {digest: "${D}"}\n`, { digest: D }],
    [
      'tag@digest because it is one',
      `image: {tag: "v1@sha256:${'1'.repeat(64)}"}\n`,
      `image: {tag: "v2@${D}"}\n`,
      { digest: D },
    ],
    [
      'tag@digest by form',
      'image: {tag: "v1"}\n',
      `image: {tag: "v2@${D}"}\n`,
      { digest: D, policy: { form: 'tag@digest' } },
    ],
    ['the revision', 'image: {tag: v1, revision: ""}\n', `image: {tag: v2, revision: "${R}"}\n`],
    [
      'an empty repository',
      'image: {repository: "", tag: ""}\n',
      'image: {repository: "ghcr.io/org/app", tag: "v2"}\n',
    ],
    [
      'registry and repository',
      'image: {registry: "", repository: "", tag: ""}\n',
      'image: {registry: "ghcr.io", repository: "org/app", tag: "v2"}\n',
    ],
    [
      'the name of another image when told to',
      'image: {repository: ghcr.io/org/old, tag: v1}\n',
      'image: {repository: ghcr.io/org/app, tag: v2}\n',
      { policy: { otherImage: 'write' } },
    ],
    [
      'not the name of another image when told to keep it',
      'image: {repository: mirror.example.org/app, tag: v1}\n',
      'image: {repository: mirror.example.org/app, tag: v2}\n',
      { policy: { otherImage: 'keep' } },
    ],
    [
      'short names of Docker Hub are the same image',
      'image: {repository: nginx, tag: v1}\n',
      'image: {repository: nginx, tag: v2}\n',
      { image: 'docker.io/library/nginx' },
    ],
    [
      'renamed keys',
      'image: {version: v1, tag: keep}\n',
      'image: {version: v2, tag: keep}\n',
      { keys: '{tag: version}' },
    ],
    [
      'a key left alone',
      'image: {repository: other, tag: v1}\n',
      'image: {repository: other, tag: v2}\n',
      { keys: '{repository: null}' },
    ],
    ['trap 22: a number that should be text', 'image: {tag: 1.10}\n', 'image: {tag: "1.10"}\n', { tag: '1.10' }],
    ['a null', 'image:\n  tag: ~\n', 'image:\n  tag: v2\n'],
  ])('%s', (_name, before, after, o = {}) => {
    expect(apply(before, o)).toBe(after);
  });
});

describe('refused', () => {
  test.each<[string, string, string, Case?]>([
    ['trap 19: a digest stands there and none is given', `image: {tag: v1, digest: "${D}"}\n`, 'E_DIGEST_IGNORED'],
    [
      'trap 19: a digest stands there and the form is tag',
      `image: {tag: v1, digest: "${D}"}\n`,
      'E_DIGEST_IGNORED',
      { digest: D, policy: { form: 'tag' } },
    ],
    ['trap 20: a sidecar', 'image: {repository: envoyproxy/envoy, tag: v1}\n', 'E_OTHER_IMAGE'],
    ['trap 20: a sidecar in a reference', 'image: docker.io/envoyproxy/envoy:v1\n', 'E_OTHER_IMAGE'],
    [
      'a digest alone into a tag',
      'image: {repository: ghcr.io/org/app, tag: v1}\n',
      'E_TAG_REQUIRED',
      { tag: '', digest: D },
    ],
    [
      'a digest alone into a tag that holds one',
      `image: {tag: "v1@sha256:${'1'.repeat(64)}"}\n`,
      'E_TAG_REQUIRED',
      { tag: '', digest: D },
    ],
    [
      'a digest alone beside a tag, by form',
      'image: {tag: v1, digest: ""}\n',
      'E_TAG_REQUIRED',
      { tag: '', digest: D, policy: { form: 'tag' } },
    ],
    [
      'a reference that would lose its tag',
      'image: ghcr.io/org/app:v1\n',
      'E_TAG_REQUIRED',
      { tag: '', digest: D, policy: { form: 'tag' } },
    ],
    [
      'a map to be made that would name nothing',
      'image: {repository: ghcr.io/org/app}\n',
      'E_TAG_REQUIRED',
      { tag: '', digest: D, policy: { form: 'tag', ifMissing: 'create' } },
    ],
    ['a tag where only a digest key is', 'image: {repository: ghcr.io/org/app, digest: ""}\n', 'E_PATH_MISSING'],
    ['a tag that holds a digest, none given', `image: {tag: "v1@${D}"}\n`, 'E_DIGEST_REQUIRED'],
    ['neither tag nor digest', 'image: {repository: ghcr.io/org/app}\n', 'E_PATH_MISSING'],
    ['no image', 'img: {tag: v1}\n', 'E_PATH_MISSING'],
    ['a list', 'image: [a]\n', 'E_PATH_NOT_SCALAR'],
    ['a tag that is a map', 'image: {tag: {a: 1}}\n', 'E_PATH_NOT_SCALAR'],
  ])('%s', (_name, before, code, o = {}) => {
    expect(apply(before, o)).toBe(code);
  });
});
