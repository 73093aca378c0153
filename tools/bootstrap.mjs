// The first thing every command runs, on whatever Node the machine has (20 or newer): installs the locked packages when
// they are missing or out of date, then hands over to the Node 24 among them. Plain JavaScript on purpose.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';

const root = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..');
const modules = join(root, 'node_modules');
const stamp = join(modules, '.lock-digest');
const digest = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex');

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== digest) {
  const start = Date.now();
  console.log('Installing the locked packages (npm ci) …');
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root, stdio: 'inherit' });
  if (npm.status !== 0) {
    console.error(
      'npm ci failed: see its message above. Check the network and the npm registry, then run the command again.',
    );
    process.exit(1);
  }
  writeFileSync(stamp, digest);
  console.log(`Installed in ${((Date.now() - start) / 1000).toFixed(1)} s.`);
}

const bundled = join(modules, 'node', 'bin', 'node');
const node = existsSync(bundled) ? bundled : process.execPath;
const major = Number(spawnSync(node, ['-p', 'process.versions.node.split(".")[0]'], { encoding: 'utf8' }).stdout);
if (!(major >= 24)) {
  console.error(
    `Node 24 is needed and ${node} is Node ${major || 'unusable'}: allow the install script of the package "node", or put Node 24 on PATH.`,
  );
  process.exit(1);
}

const child = spawn(
  node,
  ['--disable-warning=ExperimentalWarning', join(root, process.argv[2]), ...process.argv.slice(3)],
  {
    stdio: 'inherit',
    env: { ...process.env, PATH: [join(modules, '.bin'), process.env.PATH].join(delimiter) },
  },
);
// A signal from a terminal reaches the whole group; one sent to this process alone is passed on.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => child.kill(name));
child.on('exit', (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : (code ?? 1)));
