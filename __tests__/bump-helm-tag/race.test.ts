/** Many writers at once on one values file: all land, none is lost, none lands twice, each reports its own commit. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { load } from 'js-yaml';
import { git } from '../../lab/forge/git.ts';
import { gitRepository } from '../../src/bump-helm-tag/git-repository.ts';
import { gitHubRepository } from '../../src/bump-helm-tag/github-repository.ts';
import { parseBumpInputs } from '../../src/bump-helm-tag/inputs.ts';
import { run } from '../../src/bump-helm-tag/run.ts';
import { parseBlocks } from '../../src/bump-helm-tag/trailers.ts';
import { gitHubClient } from '../../src/github/index.ts';
import { openHttp } from '../../src/http/index.ts';
import { Deadline, memoryLog, systemClock, systemExec } from '../../src/runner/index.ts';
import { startWorld, type World } from './world.ts';

const fileOf = (writers: number): string =>
  Array.from({ length: writers }, (_, i) => `key${i}: v0 # of writer ${i}\n`).join('');
const updateOf = (i: number): string => `- {file: v.yaml, path: key${i}, value: w${i}}`;

async function check(world: World, reported: readonly (readonly [string, string])[]): Promise<void> {
  const writers = reported.length;
  expect(load(await world.read('v.yaml'))).toEqual(
    Object.fromEntries(Array.from({ length: writers }, (_, i) => [`key${i}`, `w${i}`])),
  );
  const messages = (await git(world.path, ['log', '--format=%H%x00%B%x01', 'main'])).toString().split('\x01');
  const landed = messages.flatMap((m) => {
    const [oid = '', message = ''] = m.split('\0');
    return parseBlocks(message.trimEnd()).map((b) => [b.bumpId, oid.trim()] as const);
  });
  expect(landed).toHaveLength(writers);
  expect(new Map(landed)).toEqual(new Map(reported));
}

describe.each(['github', 'git'])('transport %s', (transport) => {
  test('twenty writers at once', async () => {
    const world = await startWorld({ 'v.yaml': fileOf(20) });
    const temp = await mkdtemp(join(tmpdir(), 'race-'));
    const http = openHttp();
    const one = async (i: number): Promise<readonly [string, string]> => {
      const inputs = parseBumpInputs({
        ...world.env,
        'INPUT_CONFIG-REPOSITORY': 'org/cfg',
        INPUT_TOKEN: world.token,
        INPUT_TRANSPORT: transport,
        INPUT_UPDATES: updateOf(i),
      });
      using deadline = new Deadline(170, systemClock);
      const ports = { clock: systemClock, random: Math.random, deadline };
      const repository =
        transport === 'github'
          ? gitHubRepository(
              gitHubClient(http, inputs.apiUrl, world.token, 'race'),
              { owner: 'org', name: 'cfg', branch: 'main', serverUrl: world.forge.url },
              ports,
            )
          : gitRepository(
              {
                url: inputs.config.url,
                access: {
                  origin: inputs.config.origin,
                  authorization: `Basic ${Buffer.from(`x:${world.token}`).toString('base64')}`,
                },
                branch: 'main',
                author: inputs.author,
                commitPage: '',
              },
              { ...ports, exec: systemExec, env: process.env, temp, log: memoryLog() },
            );
      const bumpId = randomUUID();
      const source = { relation: async () => 'identical' as const };
      try {
        const outcome = await run(inputs, bumpId, { ...ports, repository, source, log: memoryLog() });
        expect(outcome.result).toBe('committed');
        return [bumpId, outcome.commitSha];
      } finally {
        await repository.close();
      }
    };
    try {
      await check(world, await Promise.all(Array.from({ length: 20 }, (_, i) => one(i))));
    } finally {
      await http.close();
      await world.close();
      await rm(temp, { recursive: true, force: true });
    }
  }, 180_000);

  test('four processes at once', async () => {
    const world = await startWorld({ 'v.yaml': fileOf(4) });
    try {
      const runs = await Promise.all(
        Array.from({ length: 4 }, (_, i) => world.bump({ transport, updates: updateOf(i) })),
      );
      expect(runs.map((r) => [r.code, r.outputs.result])).toEqual(runs.map(() => [0, 'committed']));
      await check(
        world,
        runs.map((r) => [String(r.outputs['bump-id']), String(r.outputs['commit-sha'])] as const),
      );
    } finally {
      await world.close();
    }
  }, 60_000);
});
