/** Runs test files as a command, the way `npm test` runs them, and reads how many there were. */
import { join } from 'node:path';
import { measureProcess } from '../lib/measure.ts';

const root = join(import.meta.dirname, '../..');
const LIMIT = 900;

/** @throws Error when a test fails: then the time means nothing */
export async function runTests(...paths: readonly string[]): Promise<{ seconds: number; passed: number }> {
  const jest = [
    ...['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
    join(root, 'node_modules/jest/bin/jest.js'),
  ];
  const done = await measureProcess(process.execPath, [...jest, '--json', ...paths], { cwd: root, limit: LIMIT });
  const passed = Number(/^Tests:.*?(\d+) passed/m.exec(done.output)?.[1] ?? 0);
  if (done.code !== 0 || passed === 0)
    throw new Error(`${paths.join(' ')} ended with ${done.code}: ${done.output.slice(-2000)}`);
  return { seconds: done.seconds, passed };
}
