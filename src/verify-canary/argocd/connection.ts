/** Looks with a token that is good: one exchanged for the job's own is exchanged again when it has run out. */
import { type ArgoCd, openArgoCd, type Unavailable } from '../../argocd/index.ts';
import type { Http } from '../../http/index.ts';
import { ActionError, type Clock, type Deadline, type Log } from '../../runner/index.ts';
import { openLook, type Sight } from './sight.ts';
import { exchangeToken } from './token.ts';
import type { ArgoWish } from './wish.ts';

export interface ArgoPorts {
  http: Http;
  clock: Clock;
  random: () => number;
  log: Log;
  signal: AbortSignal;
}

export interface Connection {
  /** Rejects as the client does, and with E_ROLLOUT_MISSING. */
  look(options: { refresh: boolean }, deadline: Deadline): Promise<Sight | Unavailable>;
}

const INPUTS = { server: 'argocd-url', application: 'argocd-app', token: 'argocd-token' };

export function connect(wish: ArgoWish, ports: ArgoPorts): Connection {
  const look = openLook(wish);
  let argo: ArgoCd | undefined;

  async function open(deadline: Deadline): Promise<ArgoCd> {
    const mask = (secret: string): void => ports.log.mask(secret);
    const token =
      wish.oidc === null ? wish.token : await exchangeToken(wish.server, wish.oidc, { ...ports, mask }, deadline);
    // Who looks again and again need not repeat.
    return openArgoCd(wish.server, token, { ...ports, retries: 0 }, INPUTS);
  }

  return {
    async look(options, deadline) {
      const fresh = argo === undefined;
      argo ??= await open(deadline);
      try {
        return await look(argo, options, deadline);
      } catch (error) {
        const refused = error instanceof ActionError && error.code === 'E_PERMISSION_MISSING';
        if (!refused || fresh || wish.oidc === null) throw error;
        argo = await open(deadline);
        return look(argo, options, deadline);
      }
    },
  };
}
