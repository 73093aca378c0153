/** An Argo CD on loopback that says what it is told to, and remembers what it was asked. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  method: string;
  url: string;
  authorization: string | undefined;
}

export interface FakeArgoCd extends AsyncDisposable {
  readonly url: URL;
  readonly asked: Asked[];
}

export type Respond = (req: IncomingMessage, res: ServerResponse, n: number) => void;

export async function startArgoCd(respond: Respond): Promise<FakeArgoCd> {
  const asked: Asked[] = [];
  const server = createServer((req, res) => {
    asked.push({ method: req.method ?? '', url: req.url ?? '', authorization: req.headers.authorization });
    respond(req, res, asked.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

export function sendJson(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

export interface Facts {
  sync?: string;
  revision?: string;
  revisions?: readonly string[];
  health?: string;
  phase?: string;
  /** Revision of the operation; by default that of the comparison. */
  operated?: string;
  message?: string;
}

/** An Application as the API has it. */
export function applicationJson(facts: Facts = {}): object {
  const { sync = 'Synced', revision, revisions, health = 'Healthy', phase = 'Succeeded', message = '' } = facts;
  const applied = facts.operated === undefined ? { revision, revisions } : { revision: facts.operated };
  return {
    metadata: { name: 'web', namespace: 'argocd' },
    spec: { project: 'default' },
    status: {
      sync: { status: sync, revision, revisions },
      health: { status: health, message },
      ...(phase === '' ? {} : { operationState: { phase, message, syncResult: applied } }),
    },
  };
}
