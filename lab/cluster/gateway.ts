/** The gateway: splits requests by the weights of an HTTPRoute, with a seeded draw for each request. */
import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { seededRandom } from '../traffic/images.ts';
import type { Route } from './objects.ts';

export interface Endpoint {
  ip: string;
  port: number;
}

export interface Gateway {
  readonly url: string;
  close(): Promise<void>;
}

export interface GatewayView {
  routes(): readonly Route[];
  /** Ready pods of a service. */
  endpoints(service: string): readonly Endpoint[];
}

/** @param seed of the draws: the same seed splits the same requests the same way */
export async function startGateway(view: GatewayView, seed: number): Promise<Gateway> {
  const random = seededRandom(seed);
  // Idle connections end on this side first, long before a pod would close one under a request.
  const agent = new Agent({ keepAlive: true, timeout: 1000 });
  const turns = new Map<string, number>();
  const server = createServer((req, res) => {
    const backend = pickBackend(view.routes(), req, random());
    const endpoints = backend === undefined ? [] : view.endpoints(backend);
    const turn = turns.get(backend ?? '') ?? 0;
    turns.set(backend ?? '', turn + 1);
    const endpoint = endpoints[turn % Math.max(1, endpoints.length)];
    if (backend === undefined) answer(res, 404, 'no route');
    else if (endpoint === undefined) answer(res, 503, `no ready pod behind ${backend}`);
    else forward(req, res, endpoint, agent);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => closeServer(server, agent),
  };
}

function pickBackend(routes: readonly Route[], req: IncomingMessage, draw: number): string | undefined {
  const host = (req.headers.host ?? '').split(':')[0] ?? '';
  const path = req.url ?? '/';
  for (const route of routes) {
    // On one machine the gateway's own address stands for every name.
    if (route.hostnames.length > 0 && !route.hostnames.includes(host) && host !== '127.0.0.1' && host !== 'localhost')
      continue;
    const rule = route.rules.find((r) => path.startsWith(r.prefix));
    if (rule === undefined) continue;
    const total = rule.backends.reduce((sum, b) => sum + b.weight, 0);
    let rest = draw * total;
    for (const backend of rule.backends) {
      rest -= backend.weight;
      if (rest < 0) return backend.service;
    }
  }
  return undefined;
}

function forward(req: IncomingMessage, res: ServerResponse, endpoint: Endpoint, agent: Agent): void {
  const upstream = request(
    { host: endpoint.ip, port: endpoint.port, method: req.method, path: req.url, headers: req.headers, agent },
    (reply) => {
      res.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(res);
    },
  );
  upstream.on('error', (error) => {
    if (!res.headersSent) answer(res, 502, error.message);
    else res.destroy();
  });
  res.on('close', () => upstream.destroy());
  req.pipe(upstream);
}

function answer(res: ServerResponse, status: number, why: string): void {
  res.writeHead(status, { 'content-type': 'text/plain' }).end(`${why}\n`);
}

async function closeServer(server: Server, agent: Agent): Promise<void> {
  agent.destroy();
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}
