/**
 * npm test: types, style, dead code and the hermetic suite. npm run test:e2e: the suite with real engines (what is missing is
 * installed where that can be done). Arguments are handed to jest. Ends with the line `N passed, N failed, N skipped`.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { installEngines } from './engines.ts';

const root = join(import.meta.dirname, '../..');
const args = process.argv.slice(2);
const endToEnd = args.includes('--e2e');
const forJest = args.filter((arg) => arg !== '--e2e');
const results = join(root, '.lab/results', `${endToEnd ? 'e2e' : 'hermetic'}.json`);

await mkdir(join(root, '.lab/results'), { recursive: true });
await rm(results, { force: true });

let failedSteps = 0;
const bin = (name: string): string => join(root, 'node_modules/.bin', name);
if (endToEnd) await installEngines();
else if (forJest.length === 0) {
  step('types', bin('tsc'), ['-p', 'tsconfig.json']);
  step('style', bin('biome'), ['check', '--error-on-warnings']);
  step('no dead code', bin('knip'), ['--no-progress']);
}
const jest = [
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  join(root, 'node_modules/jest/bin/jest.js'),
  '--json',
  `--outputFile=${results}`,
  ...forJest,
];
step(endToEnd ? 'end-to-end suite' : 'hermetic suite', process.execPath, jest, endToEnd ? { E2E: '1' } : {});

interface JestResult {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numRuntimeErrorTestSuites: number;
  testResults: { assertionResults: { status: string; fullName: string }[] }[];
}
const report = JSON.parse(await readFile(results, 'utf8').catch(() => '{"testResults":[]}')) as Partial<JestResult>;
for (const test of report.testResults?.flatMap((suite) => suite.assertionResults) ?? []) {
  if (test.status === 'pending') console.log(`skipped: ${test.fullName}`);
}
const failed = (report.numFailedTests ?? 1) + (report.numRuntimeErrorTestSuites ?? 0);
const failedElsewhere = failedSteps > 0 && failed === 0 ? failedSteps : 0;
console.log(
  `${report.numPassedTests ?? 0} passed, ${failed + failedElsewhere} failed, ${report.numPendingTests ?? 0} skipped`,
);
if (failed + failedElsewhere > 0) process.exitCode = 1;

function step(name: string, file: string, argv: string[], env: Record<string, string> = {}): void {
  const start = Date.now();
  const { status } = spawnSync(file, argv, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
  if (status !== 0) failedSteps += 1;
  console.log(`${name}: ${status === 0 ? 'ok' : 'FAILED'} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
}
