/** A Node 20 for the tests of the bundles: act runs them on the PATH node, which may be that old. */
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { systemExec } from '../src/runner/index.ts';

const VERSION = '20.20.2';

/**
 * Path of a Node 20: one on PATH, else the npm package of its binary, fetched once into the cache folder.
 * @throws Error when neither can be had
 */
export async function ensureNode20(cacheDir: string): Promise<string> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const candidate = join(folder, 'node');
    if ((await majorOf(candidate)) === 20) return candidate;
  }
  const target = join(cacheDir, `node-${VERSION}`);
  const node = join(target, 'package/bin/node');
  if ((await majorOf(node)) === 20) return node;
  await mkdir(cacheDir, { recursive: true });
  const temp = await mkdtemp(join(cacheDir, 'node20-'));
  try {
    const name = `node-${process.platform}-${process.arch}@${VERSION}`;
    const pack = await systemExec('npm', ['pack', '--silent', '--pack-destination', temp, name], { timeout: 120 });
    if (pack.code !== 0)
      throw new Error(`no Node 20 on PATH, and "npm pack ${name}" failed: ${pack.stderrTail.slice(-300)}`);
    const tar = await systemExec('tar', ['-xzf', join(temp, pack.stdoutTail.trim()), '-C', temp]);
    if (tar.code !== 0) throw new Error(`the Node 20 package could not be unpacked: ${tar.stderrTail}`);
    await rename(temp, target);
  } finally {
    await rm(temp, { recursive: true, force: true });
  }
  return node;
}

async function majorOf(node: string): Promise<number | undefined> {
  if (
    !(await access(node).then(
      () => true,
      () => false,
    ))
  )
    return undefined;
  const result = await systemExec(node, ['-p', 'process.versions.node.split(".")[0]'], { timeout: 10 }).catch(
    () => undefined,
  );
  return result?.code === 0 ? Number(result.stdoutTail) : undefined;
}
