/** What the action needs of the world. */
import type { Credentials, Registry } from '../oci/index.ts';
import type { Clock, Deadline, Env, Exec, Log } from '../runner/index.ts';
import type { PinnedDownload } from './input-forms.ts';

/** The client for a host as it stands in an image name; one for each host. */
export type RegistryFor = (host: string) => Registry;

export interface Ports {
  log: Log;
  exec: Exec;
  clock: Clock;
  deadline: Deadline;
  env: Env;
  registryFor: RegistryFor;
  /** The login for a host: of the inputs, else the user's own. */
  loginFor(host: string): Promise<Credentials | undefined>;
  /** Path of a buildx of the pinned version. @throws ActionError E_DOWNLOAD */
  installBuildx(pin: PinnedDownload, folder: string): Promise<string>;
  /** Random bytes as hexadecimal digits. */
  randomHex(bytes: number): string;
}
