/** Masks every secret among the inputs before anything else happens, also when the inputs are malformed. */
import { load } from 'js-yaml';
import { type Env, rawInput } from '../runner/index.ts';
import { parseJson } from '../text/index.ts';

/** @param mask masks the text, and each line of it */
export function maskSecrets(env: Env, inputs: readonly string[], mask: (secret: string) => void): void {
  for (const name of ['password', 'github-token']) if (inputs.includes(name)) mask(rawInput(name, env).trim());
  const [username, password] = [rawInput('username', env).trim(), rawInput('password', env).trim()];
  if (password !== '') mask(Buffer.from(`${username}:${password}`).toString('base64'));
  for (const secret of yamlPasswords(rawInput('registry-auth', env))) mask(secret);
  for (const value of secretValues(rawInput('secrets', env))) mask(value);
  for (const name of variableNames(rawInput('secret-envs', env))) mask(env[name] ?? '');
}

function yamlPasswords(text: string): string[] {
  const loose = [...text.matchAll(/password["']?\s*:\s*["']?([^\s"',}]+)/g)].map((match) => match[1] ?? '');
  try {
    const yaml = load(text);
    const entries = Array.isArray(yaml) ? (yaml as unknown[]) : [];
    const strict = entries.flatMap((entry) => {
      const { username, password } = (entry ?? {}) as { username?: unknown; password?: unknown };
      if (password === undefined || password === null) return [];
      // Basic authentication sends both in one word, which a server or engine may tell.
      return [String(password), Buffer.from(`${username ?? ''}:${password}`).toString('base64')];
    });
    return [...strict, ...loose];
  } catch {
    return loose;
  }
}

function secretValues(text: string): string[] {
  const json = text.trim().startsWith('{') ? parseJson(text) : undefined;
  if (typeof json === 'object' && json !== null) return Object.values(json).filter((v) => typeof v === 'string');
  if (text.trim().startsWith('{')) return [text];
  return text.split(/\r?\n/).map((line) => line.slice(line.indexOf('=') + 1).trim());
}

function variableNames(text: string): string[] {
  const json = text.trim().startsWith('{') ? parseJson(text) : undefined;
  if (typeof json === 'object' && json !== null) return Object.values(json).filter((v) => typeof v === 'string');
  return [...text.matchAll(/=\s*(\w+)/g)].map((match) => match[1] ?? '');
}
