/** One step for all labels of the legacy builder, and the Dockerfiles where each keeps its own. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { docker } from '../../src/build-image/engines/docker.ts';
import { withLabels } from '../../src/build-image/engines/legacy-labels.ts';
import type { BuildRequest } from '../../src/build-image/engines/port.ts';
import { ended } from './inprocess.ts';

const LABELS = [
  ['a.b', 'plain'],
  ['c', 'a "b" $HOME ${X} \\ \\n \'q\' ü'],
] as const;

test('the labels are one instruction behind the last line, with nothing in them left to expand', () => {
  expect(withLabels('FROM scratch\nCOPY . /', LABELS)).toBe(
    'FROM scratch\nCOPY . /\nLABEL "a.b"="plain" "c"="a \\"b\\" \\$HOME \\${X} \\\\ \\\\n \'q\' ü"\n',
  );
  expect(withLabels('FROM scratch # \\\nCOPY a /\n# the end \\\n', LABELS)).toContain('\nLABEL ');
});

test.each([
  ['another escape character', '# escape=`\nFROM scratch\n'],
  ['an open line at its end', 'FROM scratch\nCOPY a /b \\'],
  ['an open line before a comment', 'FROM scratch\nCOPY a \\\n# to\n\n'],
  ['nothing in it', '# FROM scratch\n'],
])('a Dockerfile with %s is left alone', (_name, text) => {
  expect(withLabels(text, LABELS)).toBeUndefined();
});

test('a label of several lines stays a flag', () => {
  expect(withLabels('FROM scratch\n', [['a', 'b\nc']])).toBeUndefined();
});

test.each([
  ['legacy', false, '', false],
  ['legacy, with a target', false, 'base', true],
  ['BuildKit', true, '', true],
])('docker, %s: flags %s', async (_name, buildKit, target, flags) => {
  const out = await mkdtemp(join(tmpdir(), 'legacy-labels-'));
  try {
    const dockerfile = join(out, 'given');
    await writeFile(dockerfile, 'FROM scratch AS base\n');
    const request: BuildRequest = {
      ...{ dockerfile, ignoreFile: '', context: '/c', contexts: [], platforms: ['linux/amd64'], target, args: [] },
      ...{ labels: LABELS, annotations: [], secrets: [], ssh: [], options: [], noCache: false, cacheFrom: [] },
      ...{
        cacheTo: [],
        provenance: 'none',
        sbom: false,
        epoch: undefined,
        image: 'i',
        stage: undefined,
        load: ['i:t'],
      },
      ...{ insecure: { push: false, build: false }, authFile: '', out },
    };
    let seen: readonly string[] = [];
    const engine = docker({ client: '28.2.2', plugin: buildKit, buildKit });
    await engine.build(request, async (_file, args) => {
      seen = args;
      return ended(0);
    });
    expect(seen.includes('--label')).toBe(flags);
    const built = await readFile(seen[seen.indexOf('--file') + 1] ?? '', 'utf8');
    expect(built.includes('LABEL "a.b"="plain"')).toBe(!flags);
  } finally {
    await rm(out, { recursive: true, force: true });
  }
});
