import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { authFile, dockerConfig, Workdir } from '../../src/build-image/workdir.ts';

const logins = new Map([['ghcr.io', { username: 'u', password: 'p:"\\' }]]);

test('T45 a credential store in the user config: our login is still the one that is used', () => {
  const config = JSON.parse(dockerConfig('{"credsStore":"desktop","auths":{"x":{}}}', logins, '/home/u/plugins'));
  expect(config).toMatchObject({ credsStore: 'desktop', credHelpers: { 'ghcr.io': '' } });
  expect(Buffer.from(config.auths['ghcr.io'].auth, 'base64').toString()).toBe('u:p:"\\');
  expect(config.auths).toHaveProperty('x');
});

test('T46 plugins and the current context are found from the moved config folder', () => {
  const config = JSON.parse(
    dockerConfig('{"currentContext":"lab","cliPluginsExtraDirs":["/a"]}', logins, '/home/u/plugins'),
  );
  expect(config).toMatchObject({ currentContext: 'lab', cliPluginsExtraDirs: ['/a', '/home/u/plugins'] });
});

test('a config that is no JSON counts as none; the hub has its old key; an identity token its own field', () => {
  const hub = new Map([['docker.io', { username: '<token>', password: 'tok' }]]);
  const { auths } = JSON.parse(authFile(hub));
  expect(auths).toEqual({
    'https://index.docker.io/v1/': { auth: Buffer.from('<token>:').toString('base64'), identitytoken: 'tok' },
  });
  expect(JSON.parse(dockerConfig('{', logins, '/p'))).toHaveProperty('auths');
  // An empty helper name would be executed by the tools of containers.
  expect(Object.keys(JSON.parse(authFile(logins)))).toEqual(['auths']);
});

test('everything in the folder is of its owner alone, and gone at the end', async () => {
  const temp = await mkdtemp(join(tmpdir(), 'workdir-'));
  try {
    {
      await using workdir = await Workdir.open(temp, '1');
      const file = await workdir.write('df/x', 'secret');
      await workdir.link('contexts', join(temp, 'nowhere'));
      expect([(await stat(workdir.path)).mode & 0o777, (await stat(file)).mode & 0o777]).toEqual([0o700, 0o600]);
    }
    expect(await readdir(temp)).toEqual([]);
  } finally {
    await rm(temp, { recursive: true });
  }
});
