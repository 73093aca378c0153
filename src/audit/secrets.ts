/** Credentials: from environment variables alone, and never in what is printed. */
import type { Credentials } from '../oci/index.ts';
import type { Env } from '../runner/index.ts';

export interface Secrets {
  /** '' reads what is public. */
  config: string;
  source: string;
  argocd: string;
  registry: Credentials | undefined;
  /** A secret that was learnt later, such as a registry's token. */
  add(secret: string): void;
  hide(text: string): string;
}

export function readSecrets(env: Env): Secrets {
  const masked = new Set<string>();
  const add = (secret: string): void => {
    if (secret.trim() !== '') masked.add(secret);
  };
  const common = env.GH_TOKEN || env.GITHUB_TOKEN || '';
  const config = env.CONFIG_TOKEN || common;
  const source = env.SOURCE_TOKEN || common;
  const argocd = env.ARGOCD_TOKEN ?? '';
  const [username, password] = [env.REGISTRY_USERNAME ?? '', env.REGISTRY_PASSWORD ?? ''];
  for (const secret of [config, source, argocd, password]) add(secret);
  return {
    config,
    source,
    argocd,
    registry: username === '' || password === '' ? undefined : { username, password },
    add,
    hide(text) {
      // The longest first: one secret may be the beginning of another.
      const all = [...masked].sort((a, b) => b.length - a.length);
      return all.reduce((result, secret) => result.split(secret).join('***'), text);
    },
  };
}
