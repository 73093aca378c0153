/** Every report that a test gets from the action is held to the published schema of reports, and to that of SARIF. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { root } from '../support/bundle.ts';
import { sarifCheck } from './report-kit.ts';

export const published = (name: string): string => readFileSync(join(root, 'actions/scan-deps', name), 'utf8');

/** @returns a function that says what is wrong with a value by a published schema of the action */
export function checkBy(name: 'scan-deps.schema.json' | 'ignore.schema.json'): (value: unknown) => string[] {
  const validate = new Ajv({ strict: false }).compile(JSON.parse(published(name)) as object);
  return (value) =>
    validate(value)
      ? []
      : (validate.errors ?? []).map((e) => `${e.instancePath} ${e.message} ${JSON.stringify(e.params)}`);
}

export const reportFaults = checkBy('scan-deps.schema.json');
const sarifFaults = sarifCheck();

/** @param report undefined or null: the run failed before there was one */
export function mustBeValid(report: unknown, sarif: unknown): void {
  if (report === undefined || report === null) return;
  const faults = [...reportFaults(report), ...(sarif === undefined ? [] : (sarifFaults?.(sarif) ?? []))];
  if (faults.length > 0) throw new Error(`a report is not valid by its schema: ${faults.join('; ')}`);
}
