/** Outputs have a limit: what is cut is said, and no run fails by it. */
import { expect, test } from '@jest/globals';
import { fitLines, fitLists } from '../../src/build-image/output-size.ts';
import { failedOutput } from '../../src/build-image/outputs.ts';
import { bench } from './kit.ts';

const size = (outputs: Record<string, string>): number =>
  Object.entries(outputs).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value), 0);

test('32 tags in 8 images, all names long: green, all written, at most 16 KiB, and what is cut is said', async () => {
  await using b = await bench();
  // The first is shorter: the stand-in names files by it.
  const repositories = Array.from({ length: 8 }, (_, i) => `o${i}/${'n'.repeat(i === 0 ? 100 : 200)}`);
  const tags = Array.from({ length: 32 }, (_, i) => `t${i}-${'y'.repeat(120)}`);
  const image = repositories.map((r) => `${b.lab.host}/${r}`).join('\n');
  const r = await b.run({ image, tags: tags.map((t) => `raw:${t}`).join('\n') });
  expect(r.log).not.toContain('::error');
  expect(r.code).toBe(0);
  for (const repository of repositories) {
    expect(tags.map((t) => b.lab.tag(repository, t))).toEqual(tags.map(() => r.outputs.digest));
  }
  expect(size(r.outputs)).toBeLessThanOrEqual(16 * 1024);
  // What others build on is whole; lists are cut to whole items.
  expect(r.outputs.tags?.split('\n')).toEqual(tags);
  expect(r.outputs.ref).toBe(`${image.split('\n')[0]}:${tags[0]}@${r.outputs.digest}`);
  const refs = r.outputs.refs?.split('\n') ?? [];
  const all = image.split('\n').flatMap((i) => tags.map((t) => `${i}:${t}`));
  expect(refs.length).toBeGreaterThan(1);
  expect(refs).toEqual(all.slice(0, refs.length));
  const json = JSON.parse(r.outputs.json ?? '') as { cut: string[]; digest: string; images: { tags: object[] }[] };
  expect(json).toMatchObject({ ok: true, digest: r.outputs.digest, cut: ['json.images', 'refs'] });
  expect(json.images).toHaveLength(8);
  expect(json.images[0]?.tags.length).toBeGreaterThan(0);
  expect(r.log).toContain('W_OUTPUT_CUT');
  expect(Buffer.byteLength(r.summary)).toBeLessThanOrEqual(8192);
});

test('what fits is whole, and nothing is said of it', async () => {
  await using b = await bench();
  const r = await b.run({ tags: 'sha\nraw:dev' });
  expect(JSON.parse(r.outputs.json ?? '')).not.toHaveProperty('cut');
  expect(r.log).not.toContain('W_OUTPUT_CUT');
});

test('a run that fails with a long message, many tags and warnings has one output that fits and is JSON', () => {
  const images = [{ host: 'r.example', repository: 'o/app' }];
  const states = Array.from({ length: 256 }, (_, i) => ({
    image: 'r.example/o/app',
    tag: `t${i}-${'y'.repeat(120)}`,
    digest: `sha256:${'a'.repeat(64)}` as const,
    state: 'failed' as const,
  }));
  const warnings = Array.from({ length: 50 }, () => ({ code: 'W_TAG_LAG', text: 'ü'.repeat(1000) }));
  const error = { code: 'E_PARTIAL', message: 'é'.repeat(60_000) };
  const text = failedOutput(images, error, { states, seconds: {}, warnings });
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(16 * 1024 - 4);
  const json = JSON.parse(text) as { images: { tags: object[] }[]; warnings: object[]; cut: string[] };
  expect(json).toMatchObject({ ok: false, code: 'E_PARTIAL', cut: ['json.images', 'json.warnings'] });
  expect(json.images[0]?.tags.length).toBeGreaterThan(0);
  expect(json.warnings.length).toBeGreaterThan(0);
});

test('lines: none, one too long, exactly full', () => {
  expect(fitLines([], 0)).toEqual({ text: '', cut: false });
  expect(fitLines(['aaa'], 2)).toEqual({ text: '', cut: true });
  expect(fitLines(['a', 'é'], 4)).toEqual({ text: 'a\né', cut: false });
  expect(fitLines(['a', 'é'], 3)).toEqual({ text: 'a', cut: true });
});

test('lists that never fit come to an end', () => {
  const r = fitLists({ a: [1, 2, 3], b: ['x'] }, 1, (lists, cut) => JSON.stringify({ ...lists, cut }));
  expect(r).toEqual({ text: '{"a":[],"b":[],"cut":["a","b"]}', cut: ['a', 'b'] });
});
