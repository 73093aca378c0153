/** TLS is left out for the hosts that may be spoken to without it, and for no other beside them. */
import { writeFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import type { CachePlan } from '../../src/build-image/cache.ts';
import { buildah } from '../../src/build-image/engines/buildah.ts';
import { type BuildxFacts, buildxArgs } from '../../src/build-image/engines/buildx.ts';
import { parseBuildInputs } from '../../src/build-image/inputs.ts';
import type { Plan } from '../../src/build-image/plan.ts';
import { prepare } from '../../src/build-image/request.ts';
import { Workdir } from '../../src/build-image/workdir.ts';
import { client, makeImage, pushImage } from '../oci/kit.ts';
import { ended, type Inside, inside } from './inprocess.ts';

const FLAG = '--tls-verify=false';
const FAR = 'registry.invalid';

const asked = (i: Inside, verb: string): string[] => i.ran.find((args) => args.includes(verb)) ?? [];

test.each<[string, Record<string, string>, (lab: string) => Record<string, string>, boolean]>([
  ['a mirror', {}, (lab) => ({ image: `${FAR}/o/app\n${lab}/mirror/app` }), false],
  [
    'a listed mirror',
    {},
    () => ({ image: `${FAR}/o/app\nm.invalid/o/app`, 'insecure-registries': 'm.invalid' }),
    false,
  ],
  ['the image itself', {}, () => ({ 'insecure-registries': FAR }), false],
  ['a base', { Dockerfile: 'FROM LAB/base:1\nCOPY app /app\n' }, () => ({ image: `${FAR}/o/app` }), true],
  [
    'a named context',
    { Dockerfile: 'FROM lib\nCOPY app /app\n' },
    (lab) => ({ image: `${FAR}/o/app`, 'build-contexts': `lib=docker-image://${lab}/base:1` }),
    true,
  ],
  ['the cache', {}, () => ({ cache: 'registry' }), true],
])('buildah builds, %s is without TLS: only what the build reads counts', async (_name, files, inputs, flag) => {
  await using i = await inside();
  await using c = client(i.lab.host);
  await pushImage(c.registry, 'base', '1', makeImage('base'));
  await i.write(
    Object.fromEntries(Object.entries(files).map(([name, text]) => [name, text.replace('LAB', i.lab.host)])),
  );
  await i.run({ push: 'false', ...inputs(i.lab.host) });
  expect(asked(i, 'build').length).toBeGreaterThan(0);
  expect(asked(i, 'build').includes(FLAG)).toBe(flag);
});

test('buildah pushes without TLS by the host that is pushed to', async () => {
  await using i = await inside();
  expect((await i.run()).message).toBe('');
  expect(asked(i, 'build')).not.toContain(FLAG);
  expect(asked(i, 'push')).toContain(FLAG);
});

const BUILDX: BuildxFacts = {
  ...{ command: ['docker', 'buildx'], version: '0.19.3', builder: 'b', driver: 'docker-container' },
  ...{ buildKit: 'v0.28.1', containerdStore: false, canLoad: true },
};
const none: CachePlan = { from: [], to: [], noCache: false, runtime: false };

test.each(['linux/amd64', 'linux/amd64\nlinux/arm64'])(
  'the registry has TLS, the base and a mirror are without: TLS is checked in the push (%j)',
  async (platforms) => {
    await using i = await inside();
    await using c = client(i.lab.host);
    await pushImage(c.registry, 'base', '1', makeImage('base'));
    await i.write({ Dockerfile: `FROM ${i.lab.host}/base:1\nCOPY app /app\n` });
    const image = `${FAR}/o/app\n${i.lab.host}/mirror/app`;
    const plan = (await i.run({ mode: 'plan', push: 'false', image, platforms })).result?.plan as Plan;
    const inputs = parseBuildInputs({ INPUT_IMAGE: image, INPUT_PLATFORMS: platforms });
    await using workdir = await Workdir.open(i.workspace, 'test');
    const request = await prepare(inputs, plan, [], 'src-1', none, '/auth.json', workdir);
    await writeFile(workdir.file('out/iid'), `sha256:${'1'.repeat(64)}`);
    await writeFile(workdir.file('out/digest'), `sha256:${'2'.repeat(64)}`);
    const ran: (readonly string[])[] = [];
    const facts = { version: '1.33.0', globals: [], isolation: 'chroot' };
    await buildah(facts).build(request, async (_file, args) => {
      ran.push(args);
      return ended(0);
    });
    expect(ran.find(([verb]) => verb === 'build')).toContain(FLAG);
    const push = ran.find((args) => args.includes('push'));
    expect(push?.at(-1)).toBe(`docker://${FAR}/o/app:src-1`);
    expect(push).not.toContain(FLAG);
    const output = buildxArgs(BUILDX, request).join(' ');
    expect(output).toContain('push=true');
    expect(output).not.toContain('registry.insecure');
  },
);
