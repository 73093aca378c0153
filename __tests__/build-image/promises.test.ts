import { join } from 'node:path';
import { test } from '@jest/globals';
import { bench } from './kit.ts';
import { expectPromises } from './promises-kit.ts';

test('the three promises, with the stand-in for an engine', async () => {
  await using b = await bench();
  await expectPromises({
    host: b.lab.host,
    engine: 'buildah',
    path: `${join(b.temp, '../engine/bin')}:${process.env.PATH}`,
    async requests() {
      const all = [...b.lab.requests()];
      b.lab.clearRequests();
      return all;
    },
  });
});
