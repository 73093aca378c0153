import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { ActionError, field, parseInputs, readInputs, runMain } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { checkCoverage, parseCoverage, renderCoverage } from './coverage.ts';

const schema = z.object({
  'coverage-json': field.required('the JSON report of coverage.py'),
  'coverage-min': field.number(0, 100, 85),
});

await runMain('report-tests', async (frame) => {
  const inputs = parseInputs(schema, readInputs(['coverage-json', 'coverage-min'], frame.env));
  const text = await readFile(inputs['coverage-json'], 'utf8').catch((cause: unknown) => {
    throw new ActionError('E_COVERAGE_FILE', {
      what: 'coverage report',
      why: `${oneLine(inputs['coverage-json'], 300)} cannot be read`,
      fix: 'Run "python -m coverage json" after the tests',
      cause,
    });
  });
  const coverage = parseCoverage(text);
  frame.summary(renderCoverage(coverage, inputs['coverage-min']));
  frame.outputs({ coverage: coverage.percent });
  checkCoverage(coverage, inputs['coverage-min']);
  frame.log.notice(`line coverage ${coverage.percent} %`);
});
