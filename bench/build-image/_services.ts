/** Engines of the benches: a docker daemon and a BuildKit of our own, and a store for buildah; all below one folder. */
import { type ChildProcess, spawn } from 'node:child_process';
import { access, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { type Dockerd, startDockerd } from '../../__tests__/support/dockerd.ts';
import { stop, until } from '../../__tests__/support/program.ts';
import { systemExec } from '../../src/runner/index.ts';

export interface Services extends AsyncDisposable {
  /** Variables for every engine. */
  env: Readonly<Record<string, string>>;
  /** The same without the buildx plugin. */
  plain: Readonly<Record<string, string>>;
  /** Why a peer cannot be measured here, by name; missing: it can. */
  missing: Readonly<Record<string, string | undefined>>;
  /** First lines of what the programs say of their versions. */
  versions: Record<string, string>;
}

const PLUGIN_FOLDERS = ['/usr/libexec/docker/cli-plugins', '/usr/lib/docker/cli-plugins'];

/** Starts what is installed. Storage of all of them is vfs: it works on every machine, and none is better off than another. */
export async function startServices(folder: string): Promise<Services> {
  const path = `${process.env.PATH}:/usr/sbin:/sbin`;
  const running: ChildProcess[] = [];
  const env: Record<string, string> = { PATH: path, HOME: folder, BUILDAH_ISOLATION: 'chroot' };
  const missing: Record<string, string | undefined> = {};
  const ask = async (file: string, ...args: string[]): Promise<string | undefined> => {
    const result = await systemExec(file, args, { env, timeout: 20 }).catch(() => undefined);
    return result?.code === 0 ? result.stdout.toString('utf8').trim().split('\n')[0] : undefined;
  };
  const start = (file: string, args: readonly string[]): void => {
    running.push(spawn(file, args, { stdio: 'ignore', env: { ...process.env, PATH: path } }));
  };

  env.CONTAINERS_STORAGE_CONF = join(folder, 'storage.conf');
  const [graph, runs] = [join(folder, 'containers'), join(folder, 'containers-run')];
  await writeFile(
    env.CONTAINERS_STORAGE_CONF,
    `[storage]\ndriver = "vfs"\ngraphroot = "${graph}"\nrunroot = "${runs}"\n`,
  );
  const versions: Record<string, string> = {};
  const note = (name: string, said: string | undefined): void => {
    if (said === undefined) missing[name] = `${name} does not answer here`;
    else versions[name] = said;
  };
  note('buildah', await ask('buildah', '--version'));
  note('skopeo', await ask('skopeo', '--version'));

  let docker: Dockerd | undefined;
  if ((await find('dockerd', path)) === undefined) missing.docker = 'dockerd is not on PATH';
  else {
    docker = await startDockerd().catch((error: Error) => {
      missing.docker = error.message;
      return undefined;
    });
    if (docker !== undefined) env.DOCKER_HOST = docker.host;
  }
  env.DOCKER_CONFIG = join(folder, 'docker-config');
  env.BUILDX_CONFIG = join(folder, 'buildx');
  const plain = { ...env, DOCKER_CONFIG: join(folder, 'docker-plain') };
  await mkdir(join(env.DOCKER_CONFIG, 'cli-plugins'), { recursive: true });
  for (const dir of [env.DOCKER_CONFIG, plain.DOCKER_CONFIG]) {
    await mkdir(dir, { recursive: true });
    // buildah refuses to push without it.
    await writeFile(join(dir, 'config.json'), '{}');
  }
  if (docker !== undefined)
    note(
      'docker',
      await ask('docker', 'version', '--format', 'client {{.Client.Version}}, server {{.Server.Version}}'),
    );
  const home = join(process.env.HOME ?? '/', '.docker/cli-plugins');
  const plugin =
    (await find('docker-buildx', [path, home, ...PLUGIN_FOLDERS].join(delimiter))) ?? (await find('buildx', path));
  if (plugin !== undefined) await symlink(plugin, join(env.DOCKER_CONFIG, 'cli-plugins/docker-buildx'));
  note('buildx', plugin === undefined ? undefined : await ask('docker', 'buildx', 'version'));
  missing['buildx of docker'] = missing.buildx ?? missing.docker;
  missing['buildx of BuildKit'] = missing.buildx ?? (await startBuildKit());

  async function startBuildKit(): Promise<string | undefined> {
    if ((await find('buildkitd', path)) === undefined) return 'buildkitd is not on PATH';
    const address = `unix://${folder}/buildkit.sock`;
    const worker = ['--oci-worker-snapshotter', 'native', '--oci-worker-net', 'host'];
    start('buildkitd', ['--addr', address, '--root', join(folder, 'buildkit'), ...worker]);
    await ask('docker', 'buildx', 'create', '--name', 'bench', '--driver', 'remote', address);
    const answers = async (): Promise<boolean> =>
      (await ask('docker', 'buildx', 'inspect', '--bootstrap', 'bench')) !== undefined;
    return until('buildkitd', answers).then(
      async () => note('buildkitd', await ask('buildkitd', '--version')),
      (error: Error) => error.message,
    ) as Promise<string | undefined>;
  }

  return {
    env,
    plain,
    missing,
    versions,
    async [Symbol.asyncDispose]() {
      for (const program of running) await stop(program);
      await docker?.[Symbol.asyncDispose]();
    },
  };
}

async function find(program: string, path: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter)) {
    if (!(await readdir(folder).catch((): string[] => [])).includes(program)) continue;
    const file = join(folder, program);
    if (
      await access(file).then(
        () => true,
        () => false,
      )
    )
      return file;
  }
  return undefined;
}
