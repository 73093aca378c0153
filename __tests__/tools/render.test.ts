import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { load } from 'js-yaml';
import { fillMarkers } from '../../tools/docs/markers.ts';
import { permissionBlock } from '../../tools/docs/tables.ts';
import { GUARDS } from '../../tools/render/act.ts';
import { render, TARGETS } from '../../tools/render/render.ts';
import { root } from '../support/bundle.ts';

const options = { repository: 'org/actions', ref: 'v1.2.3' };
const files = readdirSync(join(root, 'workflows')).filter((f) => f.endsWith('.yml'));
const source = (file: string): string => readFileSync(join(root, 'workflows', file), 'utf8');

describe.each(files)('%s', (file) => {
  test('github is the source, byte for byte', () => {
    expect(render(source(file), 'github', options)).toBe(source(file));
  });
  test('trap 36: rendering twice gives the same bytes', () => {
    for (const target of TARGETS)
      expect(render(render(source(file), target, options), target, options)).toBe(
        render(source(file), target, options),
      );
  });
  test('the three targets are equal in jobs, steps, needs and outputs', () => {
    const shape = (text: string): unknown => {
      const { jobs } = load(text) as {
        jobs: Record<
          string,
          { needs?: unknown; outputs?: object; if?: unknown; steps?: { id?: string; name?: string; with?: unknown }[] }
        >;
      };
      return Object.entries(jobs).map(([id, { steps, ...j }]) => {
        // act alone is given guard steps, and an empty map where there are no outputs.
        const own = steps?.filter((s) => !(GUARDS as readonly (string | undefined)[]).includes(s.name));
        return [id, j.needs, Object.entries(j.outputs ?? {}), j.if, own?.map((s) => [s.id, s.with])];
      });
    };
    for (const target of TARGETS) expect(shape(render(source(file), target, options))).toEqual(shape(source(file)));
  });
});

test('trap 36: $/ inside a comment or a string is untouched; only keys a target lacks are dropped', () => {
  const text =
    'a: "uses: $/x"\nconcurrency:\n  group: g\n  queue: max\njobs:\n  j: # $/actions/y\n    uses: $/.github/workflows/z.yml # keep\n';
  expect(render(text, 'ghes', options)).toBe(
    'a: "uses: $/x"\nconcurrency:\n  group: g\njobs:\n  j: # $/actions/y\n    uses: org/actions/.github/workflows/z.yml@v1.2.3 # keep\n',
  );
  expect(render(text, 'act', options)).toContain('uses: org/actions/.github/workflows/z.yml@local # keep');
});

test('trap 6: $/x@v1 is refused', () => {
  expect(() => render('jobs: { j: { uses: $/x@v1 } }\n', 'github', options)).toThrow('takes no @ref');
});

test('trap 37: Windows line ends are refused', () => {
  expect(() => render('a: 1\r\n', 'github', options)).toThrow('Windows line ends');
});

test('docs: markers are filled, unknown ones are an error', () => {
  const page = 'x\n<!-- generated:inputs -->\nold\n<!-- /generated -->\ny\n';
  expect(fillMarkers(page, new Map([['inputs', 'new']]), 'p')).toBe(
    'x\n<!-- generated:inputs -->\nnew\n<!-- /generated -->\ny\n',
  );
  expect(() => fillMarkers(page, new Map(), 'p')).toThrow('nothing to generate');
});

test('docs: the permissions a caller grants are the widest of all jobs, with the reasons', () => {
  expect(permissionBlock(source('deliver.yml'))).toContain('| `packages: write` | push the image to ghcr.io |');
});
