/** Config repositories in memory, for what is validated on them. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfigRepository } from '../../src/bump-helm-tag/config-repository.ts';
import { openValidation, type Validate } from '../../src/bump-helm-tag/validate.ts';
import type { ValidationWish } from '../../src/bump-helm-tag/validate-inputs.ts';
import { type ActionError, Deadline, type Exec, memoryLog, systemClock, systemExec } from '../../src/runner/index.ts';

export const HEAD = 'a'.repeat(40);
export const CHART_YAML = 'apiVersion: v2\nname: web\nversion: 0.1.0\n';

export type Files = Readonly<Record<string, string | Uint8Array>>;

export const bytes = (text: string | Uint8Array): Uint8Array =>
  typeof text === 'string' ? new TextEncoder().encode(text) : text;

/** A host that keeps no limit and checks no name: what holds must hold without it. */
export function repositoryOf(heads: Readonly<Record<string, Files>>): Pick<ConfigRepository, 'folder' | 'readAt'> {
  return {
    async folder(commit, path) {
      const all = Object.entries(heads[commit] ?? {});
      const inside = all.filter(([name]) => path === '.' || name.startsWith(`${path}/`));
      return new Map(inside.map(([name, text]) => [name, bytes(text)]));
    },
    async readAt(commit, paths) {
      return new Map(
        paths.map((path) => {
          const text = heads[commit]?.[path];
          return [path, text === undefined ? null : bytes(text)];
        }),
      );
    },
  };
}

export interface World extends AsyncDisposable {
  validate: Validate;
  log: ReturnType<typeof memoryLog>;
  /** What is left in the folder for temporary files. */
  left(): string[];
}

export function world(
  wish: Partial<ValidationWish>,
  repository: Pick<ConfigRepository, 'folder' | 'readAt'>,
  options: { path?: string; seconds?: number; signal?: AbortSignal; exec?: Exec } = {},
): World {
  const temp = mkdtempSync(join(tmpdir(), 'validation-'));
  const log = memoryLog();
  const deadline = new Deadline(options.seconds ?? 120, systemClock, options.signal);
  const env = { PATH: options.path ?? process.env.PATH, SECRET: 'marked-secret', HTTPS_PROXY: 'http://proxy.invalid' };
  return {
    log,
    validate: openValidation({ mode: 'schema', chart: 'chart', values: [], ...wish }, repository, {
      exec: options.exec ?? systemExec,
      env,
      temp,
      deadline,
      log,
    }),
    left: () => readdirSync(temp),
    async [Symbol.asyncDispose]() {
      deadline[Symbol.dispose]();
      rmSync(temp, { recursive: true, force: true });
    },
  };
}

/** The refusal of a validation, as text `CODE message`; 'fine' when there is none. */
export async function refusal(run: Promise<void>): Promise<string> {
  return run.then(
    () => 'fine',
    (error: ActionError) => `${error.code} ${error.message}`,
  );
}
