// Adds up jest reports and prints the closing line. Plain JavaScript: it runs on whatever Node starts the pipeline.
import { readFileSync } from 'node:fs';

const sum = { passed: 0, failed: 0, skipped: 0 };
for (const path of process.argv.slice(2)) {
  try {
    const report = JSON.parse(readFileSync(path, 'utf8'));
    sum.passed += report.numPassedTests;
    sum.failed += report.numFailedTests + report.numRuntimeErrorTestSuites;
    sum.skipped += report.numPendingTests;
  } catch {
    console.log(`no report at ${path}: its suite did not run`);
    sum.failed += 1;
  }
}
const requireAll = process.env.CONFORMANCE_DATA !== undefined;
if (requireAll && sum.skipped > 0) console.log(`${sum.skipped} tests were skipped though everything they need is here`);
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exit(sum.failed > 0 || sum.passed === 0 || (requireAll && sum.skipped > 0) ? 1 : 0);
