/** Writes an answer, whole or spoilt by a fault. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from './answer.ts';
import type { Fault } from './faults.ts';

export function sendFault(res: ServerResponse, req: IncomingMessage, answer: NonNullable<Fault['answer']>): void {
  const body = Buffer.from(answer.body ?? JSON.stringify({ errors: [{ code: 'UNKNOWN', message: 'fault' }] }));
  send(res, req, { status: answer.status, headers: answer.headers ?? {}, body });
}

export function send(res: ServerResponse, req: IncomingMessage, answer: Answer, fault?: Fault): void {
  // A body that nobody read would stand in front of the next request on this connection.
  req.resume();
  for (const [name, value] of Object.entries(answer.headers)) res.setHeader(name, value);
  if (answer.challenges !== undefined && answer.challenges.length > 0) {
    res.setHeader('www-authenticate', [...answer.challenges]);
  }
  res.statusCode = answer.status;
  const { stream } = answer;
  if (stream !== undefined && req.method !== 'HEAD' && fault?.cutBody === undefined && !fault?.flipByte) {
    stream.once('error', () => res.destroy());
    stream.pipe(res);
    return;
  }
  if (stream !== undefined && req.method !== 'HEAD') {
    collect(stream).then(
      (bytes) => spoil(res, bytes, fault),
      () => res.destroy(),
    );
    return;
  }
  stream?.destroy();
  if (answer.body !== undefined && answer.headers['content-length'] === undefined) {
    res.setHeader('content-length', answer.body.length);
  }
  if (req.method === 'HEAD' || answer.body === undefined) res.end();
  else if (fault?.cutBody !== undefined || fault?.flipByte) spoil(res, answer.body, fault);
  else res.end(answer.body);
}

async function collect(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

function spoil(res: ServerResponse, bytes: Buffer, fault: Fault | undefined): void {
  if (fault?.flipByte) {
    const changed = Buffer.from(bytes);
    const middle = changed.length >> 1;
    changed[middle] = (changed[middle] ?? 0) ^ 0xff;
    res.end(changed);
    return;
  }
  res.setHeader('content-length', bytes.length);
  res.write(bytes.subarray(0, Math.floor(bytes.length * (fault?.cutBody ?? 1))), () => res.destroy());
}
