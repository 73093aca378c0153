// Stand-in for actions/checkout: git itself, against the forge.
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { flag, input, main, output, saveState } from '../kit/io.mjs';
import { authorization, git } from './git.mjs';

await main(async () => {
  for (const name of ['submodules', 'lfs']) {
    if (!['', 'false'].includes(input(name))) throw new Error(`${name}: not supported by the lab's checkout`);
  }
  const repository = input('repository', { required: true });
  if (!/^[\w.-]+\/[\w.-]+$/.test(repository))
    throw new Error(`Invalid repository '${repository}'. Expected format {owner}/{repo}.`);
  const workspace = process.env.GITHUB_WORKSPACE;
  const folder = resolve(workspace, input('path'));
  if (folder !== workspace && !folder.startsWith(`${workspace}${sep}`)) {
    throw new Error(`Repository path '${folder}' is not under '${workspace}'`);
  }
  const depth = Number(input('fetch-depth') || '1');
  if (!Number.isInteger(depth) || depth < 0)
    throw new Error(`fetch-depth: "${input('fetch-depth')}" is no whole number`);
  const server = (input('github-server-url') || process.env.GITHUB_SERVER_URL).replace(/\/$/, '');
  const header = authorization(input('token', { required: true }));
  const run = (...args) => git(folder, args, { server, header });

  mkdirSync(folder, { recursive: true });
  for (const entry of readdirSync(folder)) rmSync(join(folder, entry), { recursive: true, force: true });
  run('init', '--quiet', '--initial-branch=main');
  run('remote', 'add', 'origin', `${server}/${repository}.git`);

  const wanted = target(repository, run);
  const options = ['--quiet', '--no-recurse-submodules', flag('fetch-tags', false) ? '--tags' : '--no-tags'];
  if (input('filter') !== '') options.push(`--filter=${input('filter')}`);
  if (depth > 0) options.push(`--depth=${depth}`);
  // All history in a fetch of its own: the two may put different commits into one local ref.
  if (depth === 0)
    run('fetch', ...options, 'origin', '+refs/heads/*:refs/remotes/origin/*', '+refs/tags/*:refs/tags/*');
  run('fetch', ...options, 'origin', `+${wanted.source}:${wanted.local}`);
  if (wanted.branch === undefined) run('checkout', '--quiet', '--force', '--detach', wanted.local);
  else run('checkout', '--quiet', '--force', '-B', wanted.branch, wanted.local);

  const commit = run('rev-parse', 'HEAD').trim();
  if (flag('persist-credentials', true)) {
    run('config', '--local', `http.${server}/.extraheader`, header);
    saveState('folder', folder);
    saveState('server', server);
  }
  output('ref', wanted.ref);
  output('commit', commit);
  console.log(`lab: ${repository} ${wanted.ref} is at ${commit}`);
});

/** What to fetch and where to put it: the ref of the run at exactly its commit, or what `ref` names. */
function target(repository, run) {
  const given = input('ref');
  const { GITHUB_REF: ownRef = '', GITHUB_SHA: ownSha = '', GITHUB_REPOSITORY: own } = process.env;
  if (given === '' && repository === own) return place(ownRef, ownSha);
  if (/^[0-9a-f]{40}$/i.test(given)) return { ref: given, source: given, local: 'refs/remotes/origin/checkout' };
  if (given.startsWith('refs/')) return place(given, given);
  if (given === '') {
    const [, head = ''] = /^ref: (refs\/heads\/\S+)\tHEAD$/m.exec(run('ls-remote', '--symref', 'origin', 'HEAD')) ?? [];
    if (head === '') throw new Error(`${repository} has no default branch`);
    return place(head, head);
  }
  const listed = run('ls-remote', 'origin', `refs/heads/${given}`, `refs/tags/${given}`);
  for (const ref of [`refs/heads/${given}`, `refs/tags/${given}`]) {
    if (listed.split('\n').some((line) => line.endsWith(`\t${ref}`))) return place(ref, ref);
  }
  throw new Error(`A branch or tag with the name '${given}' could not be found`);
}

function place(ref, source) {
  const [, branch] = /^refs\/heads\/(.+)$/.exec(ref) ?? [];
  if (branch !== undefined) return { ref, source, local: `refs/remotes/origin/${branch}`, branch };
  const [, pull] = /^refs\/pull\/(.+)$/.exec(ref) ?? [];
  return { ref, source, local: pull === undefined ? ref : `refs/remotes/pull/${pull}` };
}
