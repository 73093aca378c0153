/**
 * A `buildah` for tests without an engine, as a program. The first two questions of every run, version and info, are
 * answered by the script of install.ts.
 */
import { runBuildah } from './commands.ts';

process.exitCode = await runBuildah(process.argv.slice(2), {
  store: process.env.ENGINE_STANDIN_STORE ?? '',
  print: (line) => void process.stdout.write(`${line}\n`),
  complain: (line) => void process.stderr.write(`${line}\n`),
});
