/** The read API, shaped as Argo CD's. There is no other: every method but GET is refused. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ApplicationView {
  name: string;
  application(): object;
  resourceTree(): object;
}

export interface ReadApi {
  readonly url: string;
  close(): Promise<void>;
}

export async function startReadApi(view: ApplicationView, token: string): Promise<ReadApi> {
  const server = createServer((req, res) => {
    const send = (status: number, body: object): void => {
      res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (req.method !== 'GET')
      return send(405, { code: 12, message: 'Method Not Allowed: the cluster pulls, nobody pushes' });
    if (req.headers.authorization !== `Bearer ${token}`)
      return send(401, { code: 16, message: 'no session information' });
    const match = /^\/api\/v1\/applications\/([^/?]+)(\/resource-tree)?(?:\?.*)?$/.exec(req.url ?? '');
    if (match === null) return send(404, { code: 5, message: 'not found' });
    // Argo CD does not tell a missing application from a forbidden one.
    if (match[1] !== view.name) return send(403, { code: 7, message: 'permission denied' });
    return send(200, match[2] === undefined ? view.application() : view.resourceTree());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
