/** Secrets of the build: values, variables and files, by ID. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ActionError, type Env } from '../runner/index.ts';

/** Where a secret comes from. */
export type SecretSource = { id: string } & ({ value: string } | { file: string });

export interface Secret {
  id: string;
  bytes: Buffer;
}

type Pairs = readonly (readonly [string, string])[];

/** @throws ActionError E_SECRET_FORMAT, which never shows a value */
export function planSecrets(
  { values, envs, files }: { values: Pairs; envs: Pairs; files: Pairs },
  env: Env,
): SecretSource[] {
  const secrets: SecretSource[] = [
    ...values.map(([id, value]) => ({ id, value })),
    ...envs.map(([id, name]) => ({ id, value: variable(id, name, env) })),
    ...files.map(([id, file]) => ({ id, file })),
  ];
  const seen = new Set<string>();
  for (const { id } of secrets) {
    if (!/^[A-Za-z0-9_.-]{1,64}$/.test(id)) throw bad('an ID has characters other than letters, digits and _ . -');
    if (seen.has(id)) throw bad(`the ID ${id} stands there twice`);
    seen.add(id);
  }
  return secrets;
}

/** Reads the files among them, relative to the workspace. @throws ActionError E_SECRET_FORMAT */
export function readSecrets(sources: readonly SecretSource[], workspace: string): Promise<Secret[]> {
  return Promise.all(
    sources.map(async (source): Promise<Secret> => {
      if ('value' in source) return { id: source.id, bytes: Buffer.from(source.value, 'utf8') };
      const bytes = await readFile(resolve(workspace, source.file)).catch(() => {
        throw bad(`the file for ${source.id} cannot be read`);
      });
      return { id: source.id, bytes };
    }),
  );
}

function variable(id: string, name: string, env: Env): string {
  const value = env[name];
  if (value === undefined || value === '') throw bad(`the variable for ${id} is not set`);
  return value;
}

function bad(why: string): ActionError {
  const fix = 'Write id=value, id=ENV_NAME or id=path, one a line, or a JSON object for values with line breaks';
  return new ActionError('E_SECRET_FORMAT', { what: 'inputs secrets, secret-envs, secret-files', why, fix });
}
