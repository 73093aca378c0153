/** The last look before the write: does the chart still take its values? Nothing is written when it does not. */
import type { Deadline, Env, Exec, Log } from '../runner/index.ts';
import type { ConfigRepository } from './config-repository.ts';
import { checkWish, inputsKey, readInputs, type ValidationWish } from './validate-inputs.ts';

export interface ValidationPorts {
  exec: Exec;
  /** PATH of it finds helm; nothing else of it is handed on. */
  env: Env;
  /** Folder for temporary files (RUNNER_TEMP). */
  temp: string;
  deadline: Deadline;
  log: Log;
}

/**
 * One look at the edits of a round: the new bytes of each file that changes, on top of a head.
 * @throws ActionError E_VALIDATION_FAILED, E_HELM_MISSING, E_PATH_MISSING, E_FILE_MISSING, E_FILE_TOO_LARGE, E_INPUT
 */
export type Validate = (head: string, edits: ReadonlyMap<string, Uint8Array>) => Promise<void>;

/**
 * What a run calls in each of its rounds. A later round is let through without another look when nothing that was looked
 * at has changed since the last good one: others may have written elsewhere.
 * @throws ActionError E_PATH_FORBIDDEN before anything is read
 */
export function openValidation(
  wish: ValidationWish,
  repository: Pick<ConfigRepository, 'folder' | 'readAt'>,
  ports: ValidationPorts,
): Validate {
  if (wish.mode === 'parse') return async () => {}; // The proof of the edit has parsed it with four judges already.
  checkWish(wish);
  let good: string | undefined;
  return async (head, edits) => {
    const inputs = await readInputs(wish, head, edits, repository, ports.deadline.signal);
    const key = inputsKey(inputs);
    if (key === good) return ports.log.info(`validate: nothing that ${wish.mode} looks at has changed`);
    for (const path of inputs.ignored)
      ports.log.warning('W_NOT_VALIDATED', `${path} changes, but is in neither chart nor values: it is not validated`);
    // Loaded when asked for: most runs validate nothing, and every millisecond of start counts for all of them.
    if (wish.mode === 'schema') {
      const { SCHEMA_SECONDS, validateSchema } = await import(/* webpackMode: "eager" */ './validate-schema.ts');
      // A loop that never waits is not ended by a signal: its time is measured out before.
      await validateSchema(inputs, ports.log, Math.min(SCHEMA_SECONDS, ports.deadline.remaining()));
    } else {
      const { validateHelm } = await import(/* webpackMode: "eager" */ './validate-helm.ts');
      await validateHelm(inputs, ports);
    }
    good = key;
  };
}
