/** audit: from a running pod back to digest, commit, run and attestation. */
import { text } from 'node:stream/consumers';
import { ActionError } from '../runner/index.ts';
import { program } from './program.ts';

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => {
    stop.abort(
      new ActionError('E_CANCELLED', { what: 'audit', why: `it was cancelled (${name})`, fix: 'Run it again' }),
    );
  });
}
// A reader that has seen enough (`audit … | head -1`) changes nothing of the outcome.
process.stdout.on('error', () => {});

process.exitCode = await program(process.argv.slice(2), process.env, {
  out: (line) => process.stdout.write(`${line}\n`),
  err: (line) => process.stderr.write(`${line}\n`),
  stdin: () => text(process.stdin),
  signal: stop.signal,
});
