/** Masks every secret among the inputs before anything else happens, also when the inputs are malformed. */
import { type Env, rawInput } from '../runner/index.ts';

const WHOLE = ['password', 'github-token'];

/** @param mask masks the text, and each line of it */
export function maskSecrets(env: Env, inputs: readonly string[], mask: (secret: string) => void): void {
  for (const name of WHOLE) if (inputs.includes(name)) mask(rawInput(name, env));
  for (const match of rawInput('registry-auth', env).matchAll(/password["']?\s*:\s*["']?([^\s"',}]+)/g))
    mask(match[1] ?? '');
  for (const value of secretValues(rawInput('secrets', env))) mask(value);
  for (const [, name] of rawInput('secret-envs', env).matchAll(/=\s*(\w+)/g)) mask(env[name ?? ''] ?? '');
}

function secretValues(text: string): string[] {
  try {
    if (text.trim().startsWith('{'))
      return Object.values(JSON.parse(text) as object).filter((v) => typeof v === 'string');
  } catch {
    return [text];
  }
  return text.split(/\r?\n/).map((line) => line.slice(line.indexOf('=') + 1).trim());
}
