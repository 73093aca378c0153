import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { installEngineStandin } from '../../../lab/engine/install.ts';
import { systemExec } from '../../../src/runner/index.ts';
import { bench } from '../../build-image/kit.ts';

test('two stages, copies, variables, user and command become a real image', async () => {
  await using b = await bench();
  await b.write({
    Dockerfile: [
      'ARG WHO=world',
      'FROM scratch AS one',
      'WORKDIR /srv',
      'COPY app ./app',
      'FROM scratch',
      'ARG WHO',
      'ENV GREETING=hello PLACE=$WHO',
      'COPY --from=one /srv/app /data/',
      'RUN never executed',
      'USER 65532:65532',
      'EXPOSE 8080',
      'ENTRYPOINT ["/bin/x", "-m"]',
      'CMD ["y"]',
      '',
    ].join('\n'),
  });
  const result = await b.run({ 'build-args': 'WHO=there' });
  expect(result.code).toBe(0);
  const blob = (digest: string) => b.lab.content('o/app', digest) ?? Buffer.alloc(0);
  const manifest = JSON.parse(String(blob(result.outputs.digest ?? ''))) as {
    config: { digest: string };
    layers: { digest: string }[];
  };
  const { config } = JSON.parse(String(blob(manifest.config.digest))) as { config: object };
  expect(config).toMatchObject({
    Env: ['GREETING=hello', 'PLACE=there'],
    User: '65532:65532',
    Entrypoint: ['/bin/x', '-m'],
    Cmd: ['y'],
    ExposedPorts: { '8080/tcp': {} },
  });
  const names = await systemExec('tar', ['-tf', '-'], { input: blob(manifest.layers[0]?.digest ?? '') });
  expect(names.stdout.toString().trim().split('\n')).toEqual(['data/', 'data/main.txt']);
});

test('argument lists that build-image never writes end with 125', async () => {
  await using b = await bench();
  const bin = await installEngineStandin(b.temp);
  for (const args of [[], ['bud', '.'], ['build', '--squash', '.'], ['version', '--json'], ['run', 'x', 'ls']]) {
    expect((await systemExec(join(bin, 'buildah'), args)).code).toBe(125);
  }
  expect(await readFile(join(bin, 'buildah'), 'utf8')).toContain('#!/bin/sh');
});
