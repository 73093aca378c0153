/** One job of the index bench in a process of its own: `<archive|build|lookup|others> <eco> <zip> <index> <runs>`; prints figures as JSON. */
import { dirname } from 'node:path';
import { Deadline, systemClock } from '../../src/runner/index.ts';
import { databaseSource } from '../../src/scan-deps/osv/database.ts';
import { buildIndex } from '../../src/scan-deps/osv/index-build.ts';
import { openIndexFile } from '../../src/scan-deps/osv/index-file.ts';
import type { Ecosystem } from '../../src/scan-deps/types.ts';
import { timed } from '../lib/measure.ts';

const [, , job = '', eco = '', path = '', out = '', runs = '1'] = process.argv;
const names = Array.from({ length: 100 }, (_, i) =>
  eco === 'npm' ? `package-${i * 991}` : (['django', 'tensorflow', 'pillow', 'requests'][i % 4] ?? ''),
);

/** Those that nobody asked for when the index was made. */
const others = Array.from({ length: 100 }, (_, i) =>
  eco === 'npm' ? `package-${i * 991 + 1}` : (['ansible', 'mlflow', 'apache-airflow', 'salt'][i % 4] ?? ''),
);

async function once(): Promise<void> {
  if (job === 'build') {
    const options = { eco: eco as Ecosystem, source: 'x', now: systemClock.now(), wanted: new Set(names) };
    return buildIndex(path, out, options);
  }
  if (job === 'lookup' || job === 'others') {
    const index = openIndexFile(out, eco, 'x');
    if ((job === 'lookup' ? names : others).every((name) => index.get(name).records.length === 0))
      throw new Error('nothing found');
    return index.close();
  }
  const source = databaseSource({
    folder: dirname(dirname(path)),
    maxAge: undefined,
    clock: systemClock,
    deadline: new Deadline(900, systemClock),
  });
  const answers = await source.lookup(names.map((key) => ({ eco: eco as Ecosystem, key })));
  if (!answers.some((answer) => 'records' in answer && answer.records.length > 0)) throw new Error('nothing found');
}

const before = process.cpuUsage();
const seconds = await timed(Number(runs), once);
const used = process.cpuUsage(before);
process.stdout.write(`\n${JSON.stringify({ seconds, cpu: (used.user + used.system) / 1e6 / seconds.length })}`);
