/** The digest of a leg stands under a name that action.yml declares, whatever variant the base has. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { ended, inside } from './inprocess.ts';

const DECLARED = readFileSync('actions/build-image/action.yml', 'utf8').match(/^ {2}digest-[a-z0-9-]+(?=:)/gm) ?? [];

test.each([
  ['linux/arm64', 'linux/arm64/v8', 'digest-linux-arm64'],
  ['linux/arm64/v8', 'linux/arm64', 'digest-linux-arm64'],
  ['linux/arm64/v8', 'linux/arm64/v8', 'digest-linux-arm64'],
  ['linux/amd64', 'linux/amd64/v2', 'digest-linux-amd64'],
  ['linux/arm/v7', 'linux/arm', 'digest-linux-arm-v7'],
  ['linux/arm', 'linux/arm/v7', 'digest-linux-arm-v7'],
  ['linux/arm', 'linux/arm', 'digest-linux-arm-v7'],
])('wanted %s, the image says %s -> %s', async (wanted, found, name) => {
  await using i = await inside();
  const real = i.programs.get('buildah');
  i.programs.set('buildah', (file, args, o) => {
    const said = args.map((arg, n) => (args[n - 1] === '--platform' ? found : arg));
    return (real ?? (async () => ended(1)))(file, said, o);
  });
  const legs = (outputs: object) => Object.keys(outputs).filter((output) => output.startsWith('digest-'));
  const r = await i.run({ platforms: wanted, push: 'stage' });
  expect(r.message).toBe('');
  expect(legs(r.outputs)).toEqual([name]);
  expect(r.outputs[name]).toBe(r.outputs.digest);
  expect(DECLARED).toContain(`  ${name}`);
  // The recipe of the README: the outputs of the legs are what is merged.
  const digests = JSON.stringify({ leg: r.outputs[name] });
  const merged = await i.run({ mode: 'merge', digests, platforms: wanted, tags: 'raw:dev' });
  expect(merged.message).toBe('');
});

test('promoted: nothing is wanted, and arm64 has no variant all the same', async () => {
  await using i = await inside();
  const staged = await i.run({ platforms: 'linux/arm64/v8', push: 'stage' });
  const source = `${i.image}@${staged.outputs.digest}`;
  const r = await i.run({ mode: 'promote', source, tags: 'raw:dev' });
  expect(r.message).toBe('');
  expect(r.outputs['digest-linux-arm64']).toBe(staged.outputs.digest);
});
