/** Stands between a client and a real registry: counts what is sent, and spoils an answer on demand. */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Relayed {
  method: string;
  /** Path and query. */
  path: string;
  /** Bytes of the request's body. */
  bytes: number;
  /** Scheme of the Authorization header, '' without one. */
  authorization: string;
}

/** `before`: the registry never sees it; `after`: it acts, and its answer is replaced; `cut`: half of its answer arrives. */
export type Spoil = { before: number } | { after: number } | 'cut';

export interface Relay extends AsyncDisposable {
  readonly host: string;
  readonly seen: Relayed[];
  /** Asked for every request, once its body is there. */
  spoil: (r: Relayed) => Spoil | undefined;
}

/** @param target `host:port` of the registry, which takes the relay's name for its own */
export async function startRelay(target: string): Promise<Relay> {
  const seen: Relayed[] = [];
  const server = createServer((req, res) => {
    serve(req, res).catch(() => res.destroy());
  });
  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of req) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    const { method = '', url: path = '', headers } = req;
    const authorization = headers.authorization?.split(' ')[0] ?? '';
    const relayed = { method, path, bytes: body.length, authorization };
    seen.push(relayed);
    const spoilt = relay.spoil(relayed);
    if (typeof spoilt === 'object' && 'before' in spoilt) return void res.writeHead(spoilt.before).end();
    const answer = await ask(method, path, { ...headers, 'content-length': String(body.length) }, body);
    if (typeof spoilt === 'object') return void res.writeHead(spoilt.after).end();
    res.writeHead(answer.status, answer.headers);
    if (spoilt !== 'cut') return void res.end(answer.body);
    res.write(answer.body.subarray(0, answer.body.length / 2), () => res.destroy());
  }
  async function ask(method: string, path: string, headers: IncomingMessage['headers'], body: Buffer) {
    const { 'transfer-encoding': _, ...rest } = headers;
    const [hostname, port] = target.split(':');
    const answer = await new Promise<IncomingMessage>((done, failed) => {
      request({ hostname, port, method, path, headers: rest, agent: false }, done).once('error', failed).end(body);
    });
    const parts: Buffer[] = [];
    for await (const part of answer) parts.push(part as Buffer);
    return { status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(parts) };
  }
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const relay: Relay = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    spoil: () => undefined,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
  return relay;
}
