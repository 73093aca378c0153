/** What the action needs of the world. */
import type { Registry } from '../oci/index.ts';
import type { Clock, Deadline, Env, Exec, Log } from '../runner/index.ts';

/** The client for a host as it stands in an image name; one for each host. */
export type RegistryFor = (host: string) => Registry;

export interface Ports {
  log: Log;
  exec: Exec;
  clock: Clock;
  deadline: Deadline;
  env: Env;
  registryFor: RegistryFor;
  /** Random bytes as hexadecimal digits. */
  randomHex(bytes: number): string;
}
