import { z } from 'zod';
import { type Env, field, parseInputs, readInputs } from '../runner/index.ts';

const NAMES = [
  'mode',
  'needs',
  'allow-skipped',
  'stage',
  'handoff',
  'revision',
  'report-dir',
  'stages-dir',
  'app',
  'config-repository',
  'config-branch',
  'values-file',
  'delivery-id',
] as const;

const schema = z.object({
  mode: field.oneOf(['gate', 'stage', 'result']),
  needs: z.string(),
  'allow-skipped': field.lines(),
  stage: z.string(),
  handoff: z.string(),
  revision: z.string(),
  'report-dir': z.string(),
  'stages-dir': z.string(),
  app: z.string(),
  'config-repository': z.string(),
  'config-branch': z.string(),
  'values-file': z.string(),
  'delivery-id': z.string(),
});

/** @throws ActionError E_INPUT */
export function parseReportInputs(env: Env): Readonly<z.output<typeof schema>> {
  return parseInputs(schema, readInputs(NAMES, env));
}
