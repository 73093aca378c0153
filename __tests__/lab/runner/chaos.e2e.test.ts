/** A delivery is cancelled at twenty moments: the config repository is as before or fully delivered, never between. */
import { readdir, readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { systemExec } from '../../../src/runner/index.ts';
import { openSuite, STABLE, values } from './suite.ts';

const MOMENTS = 20;

test('cancelled at each of 20 evenly spaced moments', async () => {
  await using suite = await openSuite(['plan-delivery', 'report-delivery', 'bump-helm-tag']);
  const deliver = async (name: string, signal?: AbortSignal): Promise<{ text: string; seconds: number }> => {
    const config = `lab/${name}`;
    await suite.forge.createRepository(config, { private: true, files: { 'env/values.yaml': values(STABLE) } });
    const done = await suite.deliver({ config, weights: '[5, 100]', ...(signal && { signal }) });
    const dir = suite.forge.repository(config).path;
    const shown = await systemExec('git', [`--git-dir=${dir}`, 'show', 'main:env/values.yaml']);
    return { text: shown.stdout.toString('utf8'), seconds: done.seconds };
  };
  await deliver('warm');
  const whole = await deliver('whole');
  expect(whole.text).not.toBe(values(STABLE));
  const ends: string[] = [];
  for (let i = 0; i < MOMENTS; i += 1) {
    const moment = Math.round((whole.seconds * 1000 * i) / MOMENTS);
    const { text } = await deliver(`moment-${i}`, AbortSignal.timeout(moment));
    expect([moment, [values(STABLE), whole.text].includes(text) ? 'whole' : text]).toEqual([moment, 'whole']);
    ends.push(text === whole.text ? 'delivered' : 'before');
  }
  expect(ends[0]).toBe('before');
  for (const pid of await readdir('/proc')) {
    const line = /^\d+$/.test(pid) ? await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '') : '';
    expect(line).not.toContain('runner-test-');
  }
});
