/** Secrets of the build: values, variables and files, by ID. */
import { ActionError, type Env } from '../runner/index.ts';

export interface Secret {
  id: string;
  /** undefined: read from `file`. */
  value: string | undefined;
  file: string | undefined;
}

type Pairs = readonly (readonly [string, string])[];

/** @throws ActionError E_SECRET_FORMAT, which never shows a value */
export function planSecrets({ values, envs, files }: { values: Pairs; envs: Pairs; files: Pairs }, env: Env): Secret[] {
  const secrets: Secret[] = [
    ...values.map(([id, value]) => ({ id, value, file: undefined })),
    ...envs.map(([id, name]) => ({ id, value: variable(id, name, env), file: undefined })),
    ...files.map(([id, file]) => ({ id, value: undefined, file })),
  ];
  const seen = new Set<string>();
  for (const { id } of secrets) {
    if (!/^[A-Za-z0-9_.-]{1,64}$/.test(id)) throw bad('an ID has characters other than letters, digits and _ . -');
    if (seen.has(id)) throw bad(`the ID ${id} stands there twice`);
    seen.add(id);
  }
  return secrets;
}

function variable(id: string, name: string, env: Env): string {
  const value = env[name];
  if (value === undefined || value === '') throw bad(`the variable for ${id} is not set`);
  return value;
}

export function bad(why: string): ActionError {
  const fix = 'Write id=value, id=ENV_NAME or id=path, one a line, or a JSON object for values with line breaks';
  return new ActionError('E_SECRET_FORMAT', { what: 'inputs secrets, secret-envs, secret-files', why, fix });
}
