/** What the docker daemon keeps. */
import { type Digest, parseDigest } from '../../oci/index.ts';
import type { Ask } from './port.ts';

/** The ID of an image in the store of the daemon. */
export async function daemonImage(name: string, ask: Ask): Promise<Digest | undefined> {
  const answer = await ask('docker', ['image', 'inspect', '--format', '{{.Id}}', name]);
  return typeof answer === 'string' ? undefined : parseDigest(answer.stdout.toString('utf8').trim());
}
