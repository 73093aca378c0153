// Adds up jest reports, names what failed and prints the closing line: in a log that is cut, its end is what is left.
// Plain JavaScript: it runs on whatever Node starts the pipeline.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

const LINES = 6;
const head = (message) =>
  stripVTControlCharacters(message)
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(0, LINES)
    .map((line) => `    ${line}`)
    .join('\n');

const sum = { passed: 0, failed: 0, skipped: 0 };
for (const path of process.argv.slice(2)) {
  try {
    const report = JSON.parse(readFileSync(path, 'utf8'));
    sum.passed += report.numPassedTests;
    sum.failed += report.numFailedTests + report.numRuntimeErrorTestSuites;
    sum.skipped += report.numPendingTests;
    for (const { name, message, assertionResults } of report.testResults) {
      const file = relative(process.cwd(), name);
      const failed = assertionResults.filter(({ status }) => status === 'failed');
      for (const { fullName, failureMessages } of failed)
        console.log(`failed: ${file}: ${fullName}\n${head(failureMessages.join('\n'))}`);
      if (assertionResults.length === 0 && message !== '') console.log(`failed: ${file}\n${head(message)}`);
    }
  } catch {
    console.log(`no report at ${path}: its suite did not run`);
    sum.failed += 1;
  }
}
const requireAll = process.env.CONFORMANCE_DATA !== undefined;
if (requireAll && sum.skipped > 0) console.log(`${sum.skipped} tests were skipped though everything they need is here`);
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exit(sum.failed > 0 || sum.passed === 0 || (requireAll && sum.skipped > 0) ? 1 : 0);
