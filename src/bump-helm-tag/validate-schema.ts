/** The merged values against the chart's values.schema.json. */
import { runInNewContext } from 'node:vm';
import type { ErrorObject, Options, ValidateFunction } from 'ajv';
import { ActionError, inputError, type Log } from '../runner/index.ts';
import { oneLine, parseJson } from '../text/index.ts';
import { asDraft2020 } from './validate-dialect.ts';
import { join, type ValidationInputs } from './validate-inputs.ts';
import { coalesce, mergeFiles, readValues } from './validate-values.ts';

const SCHEMA = 'values.schema.json';
/** What a look may take at most. */
export const SCHEMA_SECONDS = 20;
const SHOWN = 5;

/**
 * @param seconds what it may take
 * @throws ActionError E_VALIDATION_FAILED, E_YAML_INVALID, and E_INPUT when the chart has no schema
 */
export async function validateSchema(inputs: ValidationInputs, log: Log, seconds: number): Promise<void> {
  const path = join(inputs.chart, SCHEMA);
  const bytes = inputs.files.get(path);
  if (bytes === undefined) {
    throw inputError([
      {
        input: 'validate',
        problem: `the chart has no ${SCHEMA}: there is nothing to hold its values against. Use helm`,
      },
    ]);
  }
  const schema = parseJson(Buffer.from(bytes).toString('utf8'));
  const values = valuesOf(inputs);
  if ([...inputs.files.keys()].some((file) => file.startsWith(join(inputs.chart, 'charts/'))))
    log.info('validate: defaults and schemas of the subcharts are left out; helm looks at them too');
  const check = await compile(schema, path, seconds);
  const errors = within(path, seconds, () => (check(values) ? [] : (check.errors ?? [])));
  if (errors.length === 0) return log.info(`validate: the values fit ${oneLine(path, 200)}`);
  const told = errors.slice(0, SHOWN).map(describe);
  const more = errors.length > SHOWN ? `, and ${errors.length - SHOWN} more` : '';
  throw failed(
    `the values do not fit ${oneLine(path, 200)}: ${told.join('; ')}${more}`,
    'Correct the values or the schema',
  );
}

function valuesOf({ chart, values, files }: ValidationInputs): unknown {
  const read = (path: string): ReturnType<typeof readValues> => readValues(files.get(path) ?? new Uint8Array(), path);
  const given = values.map(read).reduce(mergeFiles, {});
  return coalesce(read(join(chart, 'values.yaml')), given);
}

const OPTIONS: Options = {
  strict: false,
  allErrors: true,
  logger: false,
  // Formats say something else to each validator, and to Helm by version.
  validateFormats: false,
  // A definition that is used in many places stays one function, however often it is used.
  inlineRefs: false,
  // Helm's patterns are Go's: the stricter form with `u` would refuse some of them, such as `\-`.
  unicodeRegExp: false,
  code: { regExp: Object.assign((pattern: string) => goPattern(pattern), { code: 'goPattern' }) },
};

async function compile(schema: unknown, path: string, seconds: number): Promise<ValidateFunction> {
  if (typeof schema !== 'boolean' && (typeof schema !== 'object' || schema === null || Array.isArray(schema)))
    throw failed(`${oneLine(path, 200)} is no JSON Schema`, 'Correct it');
  // Bundled, but run only when it is needed: it costs more to start than all of a run that validates nothing. The class is
  // taken from the default export, the one place where Node and the bundler agree for CommonJS.
  const { Ajv2020 } = (await import(/* webpackMode: "eager" */ 'ajv/dist/2020.js')).default;
  const ajv = new Ajv2020(OPTIONS);
  try {
    return within(path, seconds, () => {
      const known = typeof schema === 'boolean' ? schema : asDraft2020(schema as { [keyword: string]: unknown });
      if (known !== undefined) return ajv.compile(known);
      const named = oneLine(String((schema as { $schema?: unknown }).$schema), 100);
      throw failed(
        `${oneLine(path, 200)} is written in "${named}", which is not known here`,
        'Use draft 4, 6, 7, 2019-09 or 2020-12, or validate: helm',
      );
    });
  } catch (cause) {
    if (cause instanceof ActionError) throw cause;
    const { message } = cause as Error;
    const remote = /^can't resolve reference (\S+)/.exec(message)?.[1];
    throw failed(
      remote === undefined
        ? `${oneLine(path, 200)} cannot be used: ${oneLine(message, 300)}`
        : `${oneLine(path, 200)} refers to ${oneLine(remote, 200)}, which is not in it, and nothing is fetched`,
      'Correct the schema; put everything it needs into the one file',
      cause,
    );
  }
}

/**
 * Runs what a stranger's schema decides the length of: references that fan out, patterns that backtrack. Nothing but V8
 * itself can end a loop that never waits.
 */
function within<T>(path: string, seconds: number, body: () => T): T {
  try {
    return runInNewContext('body()', { body }, { timeout: Math.max(1, Math.ceil(seconds * 1000)) }) as T;
  } catch (cause) {
    const { code, name } = cause as { code?: unknown; name?: unknown };
    if (name === 'RangeError')
      throw failed(
        `${oneLine(path, 200)} is nested too deep, or refers to itself without end`,
        'Correct the schema',
        cause,
      );
    if (code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw cause;
    throw failed(
      `${oneLine(path, 200)} takes longer than ${seconds.toFixed(1)} s to be looked at`,
      'Simplify the schema',
      cause,
    );
  }
}

function goPattern(pattern: string): RegExp {
  const ignoreCase = pattern.startsWith('(?i)');
  return new RegExp(ignoreCase ? pattern.slice(4) : pattern, ignoreCase ? 'i' : '');
}

function describe({ instancePath, message = 'is wrong', params }: ErrorObject): string {
  const where =
    instancePath === ''
      ? 'the root'
      : instancePath.slice(1).replace(/\//g, '.').replace(/~1/g, '/').replace(/~0/g, '~');
  const named: unknown =
    params.additionalProperty ?? params.unevaluatedProperty ?? params.allowedValues ?? params.allowedValue;
  return oneLine(`${where} ${message}${named === undefined ? '' : ` (${JSON.stringify(named)})`}`, 200);
}

function failed(why: string, fix: string, cause?: unknown): ActionError {
  return new ActionError('E_VALIDATION_FAILED', {
    what: 'validate: schema',
    why: `${why}; nothing was written`,
    fix,
    ...(cause === undefined ? {} : { cause }),
  });
}
