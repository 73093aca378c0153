/** The read API, shaped as Argo CD's. There is no other: every method but GET is refused. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ApplicationView {
  name: string;
  /** Default: `default`. */
  project?: string;
  /** Of the Application object; default: `argocd`. */
  namespace?: string;
  application(): object;
  resourceTree(): object;
}

export interface ReadApi {
  readonly url: string;
  /** `GET /api/v1/applications/shop`, in the order they came; also what was refused. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

export async function startReadApi(view: ApplicationView, token: string): Promise<ReadApi> {
  const requests: string[] = [];
  const server = createServer((req, res) => {
    requests.push(`${req.method} ${req.url}`);
    const send = (status: number, body: object): void => {
      res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (req.method !== 'GET')
      return send(405, { code: 12, message: 'Method Not Allowed: the cluster pulls, nobody pushes' });
    if (req.headers.authorization !== `Bearer ${token}`)
      return send(401, { code: 16, message: 'no session information' });
    const url = new URL(req.url ?? '/', 'http://api');
    const match = /^\/api\/v1\/applications\/([^/?]+)(\/resource-tree)?$/.exec(url.pathname);
    if (match === null) return send(404, { code: 5, message: 'not found' });
    const refusal = refuse(view, match[1] ?? '', url.searchParams);
    if (refusal !== undefined) return send(refusal.status, refusal.body);
    return send(200, match[2] === undefined ? view.application() : view.resourceTree());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/**
 * Without a project Argo CD does not tell a missing application from a forbidden one. With one it does: what is missing is
 * 404, what belongs to another project 403.
 */
function refuse(
  view: ApplicationView,
  name: string,
  query: URLSearchParams,
): { status: number; body: object } | undefined {
  const namespace = view.namespace ?? 'argocd';
  const project = query.get('project') ?? '';
  const denied = { status: 403, body: { code: 7, message: 'permission denied' } };
  if (name !== view.name || (query.get('appNamespace') ?? namespace) !== namespace) {
    if (project === '') return denied;
    const message = `applications.argoproj.io "${name}" not found`;
    return { status: 404, body: { code: 5, message } };
  }
  return project === '' || project === (view.project ?? 'default') ? undefined : denied;
}
