/** The chain on a real handoff: whole, and with each link tampered with in turn. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { git } from '../../lab/forge/git.ts';
import { LINKS } from '../../src/audit/links.ts';
import { type Answer, CONFIG, type Pod, podOf, SOURCE, startWorld, type World } from './world.ts';

let world: World;
let list: { kind: string; items: Pod[] };
beforeAll(async () => {
  world = await startWorld();
});
beforeEach(async () => {
  list = await world.reset();
});
afterEach(() => expect(world.forge.unknownRoutes()).toEqual([]));
afterAll(() => world.close());

const broken = ({ status }: Answer): string[] =>
  Object.entries(status).flatMap(([name, one]) => (one === 'missing' || one === 'mismatch' ? [`${name} ${one}`] : []));
const first = (items: Pod[]): Pod => items[0] as Pod;

test('the chain of a delivered pod holds; only the signature of the lab is missing', async () => {
  const { code, out, err, status } = await world.audit(list);
  expect(status).toEqual({ ...Object.fromEntries(LINKS.map((name) => [name, 'ok'])), attestation: 'unverified' });
  expect([code, err]).toEqual([0, []]);
  expect(out).toHaveLength(8);
  const text = out.join('\n');
  for (const seen of [
    world.digest,
    `revision ${world.revisions.revision}`,
    `Delivery-Id ${SOURCE}/77`,
    'verified true',
    `Workflow-Run ${world.forge.url}/${SOURCE}/actions/runs/77`,
    'conclusion success',
    'author delivery-app[bot]',
  ])
    expect(text).toContain(seen);
  // Aligned: the word after the status starts at one column.
  expect(out.map((line) => line.search(/(?<=^\S+ +\S+ +)\S/))).toEqual(out.map(() => 25));
});

test('--strict takes what nobody vouches for as missing', async () => {
  const { code, err } = await world.audit(list, ['--strict']);
  expect(code).toBe(2);
  expect(err).toEqual([
    expect.stringMatching(/^audit: link attestation: it carries no signature\..*\[E_AUDIT_ATTESTATION\]$/),
  ]);
});

test('one pod alone, from standard input, is held against what Git asks for', async () => {
  const { code, status } = await world.audit(undefined, ['--pod-json', '-'], {}, JSON.stringify(first(list.items)));
  expect([code, status.values]).toEqual([0, 'ok']);
});

test('a digest alone: nobody was asked what runs', async () => {
  const { code, status } = await world.audit(undefined, ['--digest', world.digest]);
  expect([code, status.pod, status.digest, status.values]).toEqual([0, 'unverified', 'ok', 'unverified']);
});

describe('acceptance 9: tampering with one link names exactly that link', () => {
  const cases: [string, string, number, (w: World) => Promise<unknown> | unknown][] = [
    ['pod', 'pod mismatch', 1, () => list.items.splice(0, 9, podOf('p', 'docker.io/library/nginx:1'))],
    ['pod: none', 'pod missing', 2, () => list.items.splice(0, 9)],
    [
      'digest: the node runs another one than the manifest names',
      'digest mismatch',
      1,
      (w) => {
        first(list.items).status.containerStatuses = [{ name: 'c', imageID: `${w.image}@sha256:${'e'.repeat(64)}` }];
      },
    ],
    ['digest: nobody names one', 'digest missing', 2, (w) => list.items.splice(0, 9, podOf('p', `${w.image}:v2`, ''))],
    [
      'image: other bytes',
      'image mismatch',
      1,
      (w) =>
        w.registry.faults.add({
          operation: 'get-manifest',
          times: 99,
          answer: {
            status: 200,
            headers: { 'content-type': 'application/vnd.oci.image.manifest.v1+json' },
            body: '{}',
          },
        }),
    ],
    ['image: gone', 'image missing', 2, (w) => w.registry.dropBlob('org/app', w.configDigest)],
    [
      'handoff: no trailer',
      'handoff missing',
      2,
      (w) => w.amend((message) => message.replace(/^Image-Ref: .*$/m, 'Image-Ref: somewhere/else@sha256:0')),
    ],
    [
      'source: another commit',
      'source mismatch',
      1,
      async (w) => {
        await w.amend((m) => m.replace(/^Source-Revision: .*$/m, `Source-Revision: ${w.revisions.stranger}`));
        w.record({ head_sha: w.revisions.stranger });
      },
    ],
    [
      'source: no such commit',
      'source missing',
      2,
      async (w) => {
        await w.amend((m) => m.replace(/^Source-Revision: .*$/m, `Source-Revision: ${'d'.repeat(40)}`));
        w.record({ head_sha: 'd'.repeat(40) });
      },
    ],
    ['run: it failed', 'run mismatch', 1, (w) => w.record({ conclusion: 'failure' })],
    ['run: another commit', 'run mismatch', 1, (w) => w.record({ head_sha: w.revisions.older })],
    ['run: not over', 'run missing', 2, (w) => w.record({ status: 'in_progress', conclusion: null })],
    ['run: none', 'run missing', 2, (w) => w.forge.repository(SOURCE).runs.splice(0)],
    [
      'run: of another repository',
      'run mismatch',
      1,
      (w) => w.amend((m) => m.replace(/^(Workflow-Run: .*)\/org\/app\//m, '$1/org/evil/')),
    ],
    [
      'run: of another forge',
      'run mismatch',
      1,
      (w) => w.amend((m) => m.replace(/^Workflow-Run: .*(\/org\/app)/m, 'Workflow-Run: https://evil.example$1')),
    ],
    [
      'attestation: of another digest',
      'attestation mismatch',
      1,
      async (w) => {
        w.forge.repository(SOURCE).attestations.splice(0);
        await w.attest([{ name: w.image, digest: `sha256:${'e'.repeat(64)}` }]);
      },
    ],
    ['attestation: none', 'attestation missing', 2, (w) => w.forge.repository(SOURCE).attestations.splice(0)],
    [
      'values: a sidecar that Git does not ask for',
      'values mismatch',
      1,
      () => first(list.items).spec.containers.push({ name: 'evil', image: 'docker.io/library/evil:1' }),
    ],
    [
      'values: Git asks for another version by now',
      'values mismatch',
      1,
      (w) => w.write('env/production/values.yaml', (text) => text.replaceAll(w.digest, `sha256:${'e'.repeat(64)}`)),
    ],
    ['values: a chart that does not render', 'values mismatch', 1, (w) => w.write('values.yaml', () => 'strategy: [')],
    [
      'values: the file is gone',
      'values missing',
      2,
      (w) => w.amend((m) => m.replaceAll('env/production/values.yaml', 'env/gone/values.yaml')),
    ],
  ];
  test.each(cases)('%s', async (_name, link, exit, tamper) => {
    await tamper(world);
    const answer = await world.audit(list);
    expect([broken(answer), answer.code]).toEqual([[link], exit]);
    const name = link.split(' ')[0] ?? '';
    expect(answer.err).toEqual([expect.stringContaining(`[E_AUDIT_${name.toUpperCase()}]`)]);
    expect(answer.err[0]).toContain(`link ${name}: `);
    expect(Object.keys(answer.status)).toEqual([...LINKS]);
  });
});

test('two broken links: the first one is named, and a mismatch decides the exit', async () => {
  world.record({ conclusion: 'failure' });
  world.forge.repository(SOURCE).attestations.splice(0);
  const gone = await world.audit(list, [], {});
  expect([gone.code, broken(gone)]).toEqual([1, ['run mismatch', 'attestation missing']]);
  world.record({});
  world.forge.repository(SOURCE).runs.splice(0);
  expect((await world.audit(list)).err[0]).toContain('[E_AUDIT_RUN]');
});

test('a config repository that may not be read breaks the handoff, not what was not looked at', async () => {
  const answer = await world.audit(list, [], { CONFIG_TOKEN: 'ghp_wrong' });
  expect(broken(answer)).toEqual(['handoff missing']);
  expect(answer.code).toBe(2);
  expect(answer.out.join('\n')).toContain('the forge answered 401');
  expect(answer.out.join('\n')).not.toContain('ghp_wrong');
});

test('a registry that is away proves nothing', async () => {
  world.registry.faults.add({ operation: 'get-manifest', times: 99, answer: { status: 403 } });
  const answer = await world.audit(list);
  expect([broken(answer), answer.code]).toEqual([['image missing'], 2]);
});

test('several digests: the one that is named is followed', async () => {
  const other = await world.pushImage({ 'org.opencontainers.image.revision': world.revisions.revision }, []);
  list.items.push(podOf('canary', `${world.image}@${other.digest}`));
  const open = await world.audit(list);
  expect([broken(open), open.code]).toEqual([['digest missing'], 2]);
  const named = await world.audit(list, ['--digest', world.digest]);
  expect(broken(named)).toEqual(['values mismatch']);
  const absent = await world.audit(list, ['--digest', `sha256:${'0'.repeat(64)}`]);
  expect(broken(absent)[0]).toBe('digest mismatch');
});

test('a handoff that was pushed by hand is one that the forge does not vouch for', async () => {
  world.forge.repository(CONFIG).verified.clear();
  const answer = await world.audit(list);
  expect([answer.code, answer.status.handoff]).toEqual([0, 'unverified']);
  expect((await world.audit(list, ['--strict'])).err[0]).toContain('[E_AUDIT_HANDOFF]');
});

test('a branch with slashes is one that a build may come from; one that is gone is missing', async () => {
  const named = (m: string): string => m.replace(/^Source-Ref: .*$/m, 'Source-Ref: refs/heads/release/1');
  await world.amend(named);
  expect(broken(await world.audit(list))).toEqual(['source missing']);
  await git(world.paths.source, ['update-ref', 'refs/heads/release/1', world.revisions.revision]);
  expect(broken(await world.audit(list))).toEqual([]);
  await git(world.paths.source, ['update-ref', '-d', 'refs/heads/release/1']);
});

test('--source-repository is what both the label and the handoff have to name', async () => {
  expect((await world.audit(list, ['--source-repository', SOURCE])).code).toBe(0);
  const other = await world.audit(list, ['--source-repository', CONFIG]);
  expect([broken(other)[0], other.code]).toEqual(['image mismatch', 1]);
});

test('the first handoff counts, whatever came after it', async () => {
  // A later commit of somebody else asks for the same digest, for a run that failed.
  const text = (await git(world.paths.config, ['log', '-1', '--format=%B', 'main'])).toString();
  const later = text.replace(/^Bump-Id: ./m, 'Bump-Id: 0').replace(/^(Workflow-Run: .*)77$/m, '$178');
  const who = { GIT_AUTHOR_NAME: 'x', GIT_AUTHOR_EMAIL: 'x@x', GIT_COMMITTER_NAME: 'x', GIT_COMMITTER_EMAIL: 'x@x' };
  const args = ['commit-tree', 'main^{tree}', '-p', 'main', '-F', '-'];
  const sha = (await git(world.paths.config, args, Buffer.from(later), who)).toString().trim();
  await git(world.paths.config, ['update-ref', 'refs/heads/main', sha]);
  const answer = await world.audit(list);
  expect([answer.code, answer.status.handoff, answer.status.run]).toEqual([0, 'ok', 'ok']);
});
