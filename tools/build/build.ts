/**
 * Bundles: from src/<name>/main.ts to <target>/<name>/{index.js,licenses.txt,package.json}. ncc puts the modules together;
 * esbuild minifies, since ncc's own minifier only shortens names: a tenth larger, and minutes slower.
 */
import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { transform } from 'esbuild';

const run = promisify(execFile);

/** Budget of one bundle, minified. */
export const MAX_BUNDLE_BYTES = 1_000_000;

/** Command lines: bundled as the actions are, without an action.yml. */
const PROGRAMS = ['audit'];

/** What is bundled: the command lines, and the folders of src/ that hold a main.ts with an action.yml of the same name. */
async function bundleNames(root: string): Promise<string[]> {
  const names = [...PROGRAMS];
  for (const name of (await readdir(join(root, 'src'))).sort()) {
    const entries = [join(root, 'src', name, 'main.ts'), join(root, 'actions', name, 'action.yml')];
    const found = await Promise.all(
      entries.map((path) =>
        access(path).then(
          () => true,
          () => false,
        ),
      ),
    );
    if (found.every(Boolean)) names.push(name);
  }
  return names.sort();
}

/**
 * Builds every action and command line, two at a time.
 * @param root the repository
 * @param target the folder that gets one folder each
 * @returns bytes of each bundle
 */
export async function build(root: string, target: string): Promise<Map<string, number>> {
  // The emitted JavaScript lies inside the repository for module resolution; its own folder keeps two builds apart.
  await mkdir(join(root, 'build'), { recursive: true });
  const emitted = await mkdtemp(join(root, 'build', 'emit-'));
  try {
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const compile = [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', emitted];
    await run(process.execPath, compile, { cwd: root }).catch((error: Error & { stdout?: string }) => {
      // The compiler says what is wrong on standard output.
      throw new Error(`tsc: ${error.stdout?.trim() || error.message}`);
    });
    await writeFile(join(emitted, 'package.json'), '{"type":"module"}\n');
    await symlink(join(root, 'node_modules'), join(emitted, 'node_modules'));
    const names = await bundleNames(root);
    const sizes = new Map<string, number>();
    const queue = [...names];
    const worker = async (): Promise<void> => {
      for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
        sizes.set(name, await bundle(root, emitted, name, join(target, name)));
      }
    };
    await Promise.all([worker(), worker()]);
    return new Map(names.map((name) => [name, sizes.get(name) ?? 0]));
  } finally {
    await rm(emitted, { recursive: true, force: true });
  }
}

async function bundle(root: string, emitted: string, name: string, target: string): Promise<number> {
  const ncc = join(root, 'node_modules/@vercel/ncc/dist/ncc/cli.js');
  await rm(target, { recursive: true, force: true });
  const args = [
    ncc,
    'build',
    join(emitted, name, 'main.js'),
    '--no-cache',
    '--license',
    'licenses.txt',
    '--target',
    'es2022',
    '--out',
    target,
  ];
  // From the emitted folder: the names of modules are hashes of their paths as seen from there, and its own name is drawn.
  await run(process.execPath, args, { cwd: emitted, maxBuffer: 64 * 1024 * 1024 });
  let bytes = 0;
  for (const name of await readdir(target)) {
    if (!name.endsWith('.js')) continue;
    const path = join(target, name);
    // The licences stand beside it. Function and class names are not needed: what is printed has names of its own.
    const { code } = await transform(await readFile(path, 'utf8'), {
      minify: true,
      target: 'node20',
      legalComments: 'none',
    });
    await writeFile(path, code);
    bytes += Buffer.byteLength(code);
  }
  return bytes;
}
