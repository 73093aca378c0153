/** The input registry-auth: a YAML list of logins. */
import { load } from 'js-yaml';
import { z } from 'zod';
import { type Credentials, parseImage } from '../oci/index.ts';
import { inputError } from '../runner/index.ts';

const schema = z.array(
  z.strictObject({ registry: z.string().min(1), username: z.string().min(1), password: z.string().min(1) }),
);

/** By image host. @throws ActionError E_INPUT, which never shows a value */
export function parseRegistryAuth(text: string): [string, Credentials][] {
  if (text === '') return [];
  const refuse = (problem: string): Error => inputError([{ input: 'registry-auth', problem }]);
  let yaml: unknown;
  try {
    yaml = load(text);
  } catch {
    throw refuse('it is not YAML');
  }
  const parsed = schema.safeParse(yaml);
  if (!parsed.success) throw refuse('it must be a list of registry, username, password, and nothing else');
  return parsed.data.map(({ registry, username, password }) => {
    const name = parseImage(`${registry}/x`);
    if ('problem' in name) throw refuse('a registry is not host[:port]');
    return [name.image.host, { username, password }];
  });
}
