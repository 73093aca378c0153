/** T42: the bundle says the same on the Node of the runner and on the one that act may bring. */
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { ensureNode20 } from '../../../tools/node20.ts';
import { root } from '../../support/bundle.ts';
import { G1, G2, lines, workspace } from '../support/action.ts';
import { Pod } from '../support/pod.ts';
import { INPUTS } from '../support/scrape.ts';
import { CPU, ERRORS, LATENCY, podsHttp, rules, steppingClock, T, watch } from '../support/world.ts';

let node20: string;
beforeAll(async () => {
  node20 = await ensureNode20(join(root, '.lab'));
});

/** A trace with every kind of metric, and numbers that are not round. */
async function rich(): Promise<string> {
  const pods = { '127.0.0.1': new Pod(1), '127.0.0.2': new Pod(2) };
  const clock = steppingClock(T, (seconds) => {
    for (const [i, pod] of Object.values(pods).entries()) {
      pod.run(seconds, { rate: i === 0 ? 61 : 15.3, errors: 0.013, latency: 0.3, cpu: 0.0041 });
    }
  });
  const config = rules([ERRORS, LATENCY, CPU], ['steps: [{weight: 20, min: 20m, max: 21m}]']);
  return (await watch(INPUTS, { config, clock, openHttp: podsHttp(pods) })).text;
}

test('T42 Node 20 and Node 24 write the same verdict.json, the same trace and the same report', async () => {
  using work = workspace({
    'rich.jsonl': await rich(),
    'rich.yaml': `version: 1\nwarmup: 0s\nsettle: 0s\nsteps: [{weight: 20, min: 20m, max: 21m}]\nmetrics:\n${[ERRORS, LATENCY, CPU].map((m) => `  - ${m}\n`).join('')}`,
    'g1.jsonl': lines(G1),
    'g2.jsonl': lines(G2),
  });
  const entry = join(root, 'dist/verify-canary/index.js');
  const runs: Record<string, string>[] = [
    { replay: 'rich.jsonl', 'config-file': 'rich.yaml' },
    { replay: 'g1.jsonl' },
    { replay: 'g2.jsonl' },
  ];
  for (const inputs of runs) {
    const [old, current] = [
      await work.act(inputs, { entry, node: node20 }),
      await work.act(inputs, { entry, node: process.execPath }),
    ];
    expect(JSON.parse(current.verdict)).toMatchObject({ tool: 'verify-canary' });
    expect(old.verdict).toBe(current.verdict);
    expect([old.code, old.trace, old.report]).toEqual([current.code, current.trace, current.report]);
    // The bundle and its source agree too.
    expect((await work.act(inputs)).verdict).toBe(current.verdict);
  }
});
