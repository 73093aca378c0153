import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';
import { ActionError, field, inputError, parseInputs, readInputs, runMain } from '../runner/index.ts';
import { formatBytes, oneLine } from '../text/index.ts';
import { run } from './run.ts';

const NAMES = ['junit-xml', 'flake8', 'coverage-json', 'coverage-min', 'working-directory'] as const;
const schema = z.object({
  'junit-xml': z.string(),
  flake8: z.string(),
  'coverage-json': z.string(),
  'coverage-min': field.number(0, 100, 85),
  'working-directory': z.string().regex(/^(?!\/)(?!(.*\/)?\.\.(\/|$))[^\u0000-\u001f\u007f\\]*$/, {
    error: 'is not a folder inside the repository',
  }),
});
/** A report is read whole. */
const MAX_BYTES = 32 * 1024 * 1024;

async function read(path: string, what: string): Promise<string> {
  const bad = (why: string, cause?: unknown): ActionError =>
    new ActionError('E_REPORT_FILE', {
      what,
      why: `${oneLine(path, 300)} ${why}`,
      fix: 'Have the step before write it, also when its tool fails',
      cause,
    });
  const found = await stat(path).catch((cause: unknown) => {
    throw bad('is not there', cause);
  });
  if (!found.isFile()) throw bad('is no file');
  if (found.size > MAX_BYTES) throw bad(`is larger than ${formatBytes(MAX_BYTES)}`);
  return readFile(path, 'utf8');
}

await runMain('report-tests', async (frame) => {
  const given = parseInputs(schema, readInputs(NAMES, frame.env));
  if (given['junit-xml'] === '' && given.flake8 === '' && given['coverage-json'] === '')
    throw inputError([{ input: 'junit-xml, flake8, coverage-json', problem: 'name at least one report' }]);
  const here = frame.env.GITHUB_WORKSPACE ?? process.cwd();
  const inputs = {
    junit: given['junit-xml'],
    flake8: given.flake8,
    coverage: given['coverage-json'],
    coverageMin: given['coverage-min'],
    base: given['working-directory'],
  };
  await run(inputs, {
    read: (path, what) => read(resolve(here, path), what),
    log: frame.log,
    summary: (text) => frame.summary(text),
    outputs: (values) => frame.outputs(values),
  });
});
