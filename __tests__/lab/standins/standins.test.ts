import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Forge, startForge } from '../../../lab/forge/server.ts';
import { parseActionFile } from '../../../lab/runner/action.ts';
import { labStandins, type RunOptions, restForge } from '../../../lab/runner/index.ts';
import { systemExec } from '../../../src/runner/index.ts';
import { job, type Ran, run, said, step } from '../runner/harness.ts';

const { pins } = labStandins();
const uses = (action: string): string => `${action}@${pins[action]?.commit}`;
const steps = (text: string): string => `on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n${text}`;

test('each pinned action has a stand-in whose files exist', () => {
  for (const action of Object.keys(pins)) {
    const folder = labStandins().folder(action);
    expect([action, folder]).toEqual([action, expect.any(String)]);
    const { runs } = parseActionFile(action, readFileSync(join(folder ?? '', 'action.yml'), 'utf8'));
    const files = runs.using === 'node' ? [runs.main, runs.pre, runs.post].filter((file) => file !== undefined) : [];
    expect(files.map((file) => existsSync(join(folder ?? '', file)))).toEqual(files.map(() => true));
  }
});

describe('artifacts', () => {
  const upload = (input: string): string => `{ uses: "${uses('actions/upload-artifact')}", with: { ${input} } }`;
  const download = (input: string): string => `{ uses: "${uses('actions/download-artifact')}", with: { ${input} } }`;
  const tree = (folder: string): string => `run: "cd ${folder} && find . -type f | sort | xargs -r grep -H ''"`;

  test('go from job to job: by name, by pattern, merged', async () => {
    const done = await run(`
on: push
jobs:
  make:
    runs-on: x
    steps:
      - run: mkdir -p out/deep && echo 1 > out/a.txt && echo 2 > out/deep/b.txt && echo 3 > out/.hidden && echo 4 > c.log
      - ${upload('name: canary-0, path: out')}
      - ${upload('name: canary-1, path: "*.log"')}
      - ${upload('name: many, path: "out/a.txt\\nc.log\\n!out/deep/**"')}
      - ${upload('name: file, path: out/deep/b.txt')}
  take:
    needs: make
    runs-on: x
    steps:
      - ${download('name: canary-0, path: "${{ runner.temp }}/one"')}
      - ${download('pattern: canary-*, path: two')}
      - ${download('pattern: canary-*, path: three, merge-multiple: true')}
      - ${download('pattern: canary-*1, path: six')}
      - ${download('name: many, path: four')}
      - ${download('name: file, path: five')}
      - { id: one, ${tree('$RUNNER_TEMP/one')} }
      - { id: two, ${tree('two')} }
      - { id: three, ${tree('three')} }
      - { id: four, ${tree('four')} }
      - { id: five, ${tree('five')} }
      - { id: six, ${tree('six')} }
`);
    const take = job(done, 'take');
    expect(done.conclusion).toBe('success');
    expect(done.artifacts.map((artifact) => artifact.name)).toEqual(['canary-0', 'canary-1', 'file', 'many']);
    expect(said(step(take, 'one'))).toEqual(['./a.txt:1', './deep/b.txt:2']);
    expect(said(step(take, 'two'))).toEqual(['./canary-0/a.txt:1', './canary-0/deep/b.txt:2', './canary-1/c.log:4']);
    expect(said(step(take, 'three'))).toEqual(['./a.txt:1', './c.log:4', './deep/b.txt:2']);
    expect(said(step(take, 'four'))).toEqual(['./c.log:4', './out/a.txt:1']);
    expect(said(step(take, 'five'))).toEqual(['./b.txt:2']);
    // A single match gets no folder of its own.
    expect(said(step(take, 'six'))).toEqual(['./c.log:4']);
  });
  test('a name twice needs overwrite; nothing found follows if-no-files-found; a missing artifact fails', async () => {
    const done = await run(
      steps(`
      - run: echo 1 > f
      - ${upload('name: n, path: f')}
      - { id: twice, continue-on-error: true, ${upload('name: n, path: f').slice(2)}
      - run: echo 2 > f
      - { id: over, ${upload('name: n, path: f, overwrite: true').slice(2)}
      - { id: warn, ${upload('name: w, path: none').slice(2)}
      - { id: ignore, ${upload('name: i, path: none, if-no-files-found: ignore').slice(2)}
      - { id: error, continue-on-error: true, ${upload('name: e, path: none, if-no-files-found: error').slice(2)}
      - { id: bad, continue-on-error: true, ${upload('name: "a/b", path: f').slice(2)}
      - { id: lost, continue-on-error: true, ${download('name: lost').slice(2)}
      - ${download('name: n, path: got')}
      - { id: got, run: cat got/f }
`),
    );
    const a = job(done, 'a');
    expect(step(a, 'twice').annotations[0]?.message).toMatch(/already exists/);
    expect(step(a, 'over').outcome).toBe('success');
    expect(step(a, 'warn').annotations[0]).toMatchObject({ level: 'warning' });
    expect(step(a, 'ignore').annotations).toEqual([]);
    expect([step(a, 'error').outcome, step(a, 'bad').outcome, step(a, 'lost').outcome]).toEqual(
      Array(3).fill('failure'),
    );
    expect(step(a, 'lost').annotations[0]?.message).toMatch(/Artifact not found for name: lost/);
    expect(said(step(a, 'got'))).toEqual(['2']);
  });
});

describe('setup-python', () => {
  const text = steps(
    `      - { id: py, uses: "${uses('actions/setup-python')}", with: { python-version: "3.1" } }\n      - { id: s, run: "python -c 'print(40 + 2)'; python3 -c 'import sys; print(sys.version_info[0])'" }\n`,
  );
  test("gives the machine's Python and says that it is another one", async () => {
    const found = await systemExec('python3', ['-c', 'import sys; print(sys.executable)']);
    const python = found.stdout.toString('utf8').trim();
    const done = await run(text, { env: { LAB_PYTHON: python } });
    const a = job(done, 'a');
    expect(said(step(a, 's'))).toEqual(['42', '3']);
    expect(step(a, 'py').outputs['python-path']).toBe(python);
    expect(step(a, 'py').annotations[0]?.message).toMatch(/^lab: Python 3\.\d+\.\d+\S* is used instead of 3\.1$/);
  });
  test('without a Python it fails and says what to do', async () => {
    expect(step(job(await run(text), 'a'), 'py').annotations[0]?.message).toMatch(/LAB_PYTHON is not set/);
    const broken = await run(text, { env: { LAB_PYTHON: '/no/python' } });
    expect(step(job(broken, 'a'), 'py').annotations[0]?.message).toMatch(/\/no\/python does not run/);
  });
});

describe('against the forge of the lab', () => {
  let forge: Forge;
  let first = '';
  let second = '';
  beforeAll(async () => {
    forge = await startForge();
    await forge.createRepository('lab/service', { private: true, files: { 'a.txt': 'one\n' } });
    await forge.createRepository('lab/other', { private: true, files: { 'o.txt': 'other\n' } });
    const { path } = forge.repository('lab/service');
    const git = async (...args: string[]): Promise<string> => {
      const identity = ['-c', 'user.name=t', '-c', 'user.email=t@t.invalid'];
      const done = await systemExec('git', [`--git-dir=${path}`, ...identity, ...args]);
      expect(done.stderrTail).toBe('');
      return done.stdout.toString('utf8').trim();
    };
    first = await git('rev-parse', 'main');
    second = await git('commit-tree', '-p', first, '-m', 'second', `${first}^{tree}`);
    await git('update-ref', 'refs/heads/main', second);
    await git('update-ref', 'refs/tags/v1', first);
    await git('update-ref', 'refs/pull/1/merge', second);
  });
  afterAll(() => forge.close());

  const on = (text: string, o: Partial<RunOptions> = {}): Promise<Ran> => {
    const options = { repo: 'lab/service', ref: 'refs/heads/main', sha: second, ...o };
    return run(text, {
      ...options,
      event: 'push',
      defaultPermissions: 'read',
      forge: restForge({
        serverUrl: forge.url,
        apiUrl: forge.apiUrl,
        graphqlUrl: forge.graphqlUrl,
        repo: 'lab/service',
        mintToken: async (permissions) =>
          forge.createToken({ kind: 'app', permissions, repositories: ['lab/service'] }),
      }),
    });
  };
  const checkout = (input = ''): string => `{ id: c, uses: "${uses('actions/checkout')}", with: { ${input} } }`;
  const look =
    '{ id: s, run: "git rev-parse HEAD; git rev-list --count HEAD; git rev-parse --abbrev-ref HEAD; cat a.txt" }';
  const looked = (done: Ran): string[] => said(step(job(done, 'a'), 's'));

  test('checkout: the commit of the run on its branch, one commit deep', async () => {
    const done = await on(steps(`      - ${checkout()}\n      - ${look}\n`));
    expect(looked(done)).toEqual([second, '1', 'main', 'one']);
    expect(step(job(done, 'a'), 'c').outputs).toEqual({ ref: 'refs/heads/main', commit: second });
  });
  test('checkout: the commit of the run even when the branch has moved on', async () => {
    const done = await on(steps(`      - ${checkout()}\n      - ${look}\n`), { sha: first });
    expect(looked(done)[0]).toBe(first);
  });
  test('checkout: a commit, a tag, a pull request, all history', async () => {
    const at = async (input: string, o: Partial<RunOptions> = {}): Promise<string[]> =>
      looked(await on(steps(`      - ${checkout(input)}\n      - ${look}\n`), o));
    expect(await at(`ref: ${first}`)).toEqual([first, '1', 'HEAD', 'one']);
    expect(await at('ref: v1')).toEqual([first, '1', 'HEAD', 'one']);
    expect(await at('fetch-depth: 0')).toEqual([second, '2', 'main', 'one']);
    expect(await at('', { ref: 'refs/pull/1/merge' })).toEqual([second, '1', 'HEAD', 'one']);
  });
  test('checkout: the token stays in the config only until the end of the job, and not with persist-credentials: false', async () => {
    const config =
      '{ id: s, run: "git config --local --list | grep -c extraheader || true; git fetch -q && echo fetched || echo refused" }';
    const kept = await on(steps(`      - ${checkout()}\n      - ${config}\n`));
    expect(looked(kept)).toEqual(['1', 'fetched']);
    expect(job(kept, 'a').steps.at(-1)).toMatchObject({ kind: 'post', conclusion: 'success' });
    const dropped = await on(steps(`      - ${checkout('persist-credentials: false')}\n      - ${config}\n`));
    expect(looked(dropped)[0]).toBe('0');
    expect(looked(dropped).at(-1)).toBe('refused');
  });
  test('checkout: a repository that the token cannot see, and a ref that is not there', async () => {
    const message = async (input: string): Promise<string | undefined> =>
      step(job(await on(steps(`      - ${checkout(input)}\n`)), 'a'), 'c').annotations[0]?.message;
    expect(await message('repository: lab/other')).toMatch(/^git \S+ failed: /);
    expect(await message('ref: none')).toBe("A branch or tag with the name 'none' could not be found");
    expect(await message('path: ../../out')).toMatch(/is not under/);
    expect(await message('lfs: true')).toMatch(/not supported/);
  });
  test('attest keeps an unsigned in-toto statement at the forge', async () => {
    const digest = `sha256:${'ab'.repeat(32)}`;
    const attest = `{ id: s, uses: "${uses('actions/attest')}", with: { subject-name: 127.0.0.1:1/app, subject-digest: "${digest}", push-to-registry: true } }`;
    const done = await on(
      steps(`      - ${attest}\n`).replace(
        '    runs-on: x',
        '    permissions: { attestations: write }\n    runs-on: x',
      ),
    );
    const s = step(job(done, 'a'), 's');
    expect(s.annotations).toEqual([{ level: 'notice', message: expect.stringContaining('lab: unsigned') }]);
    const [kept] = forge.repository('lab/service').attestations;
    expect(kept?.digest).toBe(digest);
    const bundle = kept?.bundle as { dsseEnvelope: { payload: string; signatures: unknown[] } };
    const statement = JSON.parse(Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString('utf8'));
    expect(statement).toMatchObject({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: '127.0.0.1:1/app', digest: { sha256: 'ab'.repeat(32) } }],
      predicateType: 'https://slsa.dev/provenance/v1',
      predicate: { buildDefinition: { externalParameters: { workflow: { path: '.github/workflows/w.yml' } } } },
    });
    expect(bundle.dsseEnvelope.signatures).toEqual([]);

    const refused = await on(steps(`      - ${attest}\n`));
    expect(job(refused, 'a').conclusion).toBe('failure');
    expect(step(job(refused, 'a'), 's').annotations[0]?.message).toMatch(/HTTP 403/);
  });
  test('upload-sarif sends what code scanning wants', async () => {
    const sarif = `{ id: s, uses: "${uses('github/codeql-action/upload-sarif')}", with: { sarif_file: r.sarif } }`;
    const done = await on(
      steps(`      - run: |\n          echo '{"version":"2.1.0","runs":[]}' > r.sarif\n      - ${sarif}\n`).replace(
        '    runs-on: x',
        '    permissions: { security-events: write }\n    runs-on: x',
      ),
    );
    expect(done.jobs.map((one) => [one.conclusion, one.reason])).toEqual([['success', undefined]]);
    const [kept] = forge.repository('lab/service').sarifs;
    expect(kept).toMatchObject({ commit_sha: second, ref: 'refs/heads/main' });
    expect(JSON.parse(gunzipSync(Buffer.from(kept?.sarif ?? '', 'base64')).toString('utf8'))).toEqual({
      version: '2.1.0',
      runs: [],
    });
  });
  test('check runs land on the commit with conclusion and annotations; no unknown route is asked', async () => {
    await on(steps('      - run: "echo ::error file=a.txt,line=3::bad; exit 1"\n'));
    const mine = forge.repository('lab/service').checks.filter((check) => check.head_sha === second);
    expect(mine.at(-1)).toMatchObject({ name: 'a', status: 'completed', conclusion: 'failure' });
    expect(forge.unknownRoutes()).toEqual([]);
  });
  describe('create-github-app-token', () => {
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const app = (input: string): string =>
      `      - { id: app, uses: "${uses('actions/create-github-app-token')}", with: { app-id: "42", private-key: "\${{ secrets.KEY }}", owner: lab, repositories: other, ${input} } }\n`;
    beforeAll(() =>
      forge.registerApp({ id: '42', key: privateKey, permissions: { contents: 'write' }, repositories: ['lab/other'] }),
    );

    test('buys a token with a signed JWT for exactly that repository and permission, masks it and gives it back', async () => {
      forge.clearRequests();
      const done = await on(
        steps(
          `${app('permission-contents: read')}      - id: s
        env: { T: "\${{ steps.app.outputs.token }}" }
        run: |
          echo "token $T"
          ask() { python3 -c 'import sys, urllib.request, urllib.error
          request = urllib.request.Request(sys.argv[1], headers={"authorization": "Bearer " + sys.argv[2]})
          try: print(urllib.request.urlopen(request).status)
          except urllib.error.HTTPError as error: print(error.code)' "$GITHUB_API_URL/repos/$1/contents/$2" "$T"; }
          ask lab/other o.txt
          ask lab/service a.txt
`,
        ),
        { secrets: { KEY: privateKey } },
      );
      expect(looked(done)).toEqual(['token ***', '200', '404']);
      expect(done.conclusion).toBe('success');
      const asked = forge.requests().map((request) => `${request.method} ${request.path} ${request.status}`);
      expect(asked.filter((line) => /installation/.test(line))).toEqual([
        'GET /repos/lab/other/installation 200',
        'POST /app/installations/1/access_tokens 201',
        'DELETE /installation/token 204',
      ]);
    });
    test('a key that is none, a key of nobody, more than the App may', async () => {
      const message = async (key: string, input = 'permission-contents: read'): Promise<string | undefined> =>
        step(job(await on(steps(app(input)), { secrets: { KEY: key } }), 'a'), 'app').annotations[0]?.message;
      expect(await message('no key at all')).toBe('private-key: is no PEM private key');
      const other = generateKeyPairSync('rsa', {
        modulusLength: 2048,
        publicKeyEncoding: { type: 'spki', format: 'pem' },
        privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      });
      expect(await message(other.privateKey)).toMatch(/HTTP 401/);
      expect(await message(privateKey, 'permission-checks: write')).toMatch(/HTTP 422/);
    });
  });
});

test('the stand-ins hold no dependency beyond Node and their own kit', () => {
  const root = join(import.meta.dirname, '..', '..', '..', 'lab', 'standins');
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.mjs'));
  expect(files.length).toBeGreaterThan(10);
  for (const file of files) {
    const text = readFileSync(join(root, file), 'utf8');
    for (const [, from] of text.matchAll(/from '([^']+)'/g)) expect(from).toMatch(/^(node:|\.\/|\.\.\/kit\/)/);
  }
});
