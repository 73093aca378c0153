/** The stand-ins of the lab for third-party actions: folders in `lab/standins`, chosen by name, only for the pinned commit. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pin, Standins } from './resolve.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** Reads `workflows/pins.json`. */
export function labStandins(): Standins {
  const pins = JSON.parse(readFileSync(join(ROOT, 'workflows', 'pins.json'), 'utf8')) as Record<string, Pin>;
  return {
    pins,
    folder(action) {
      const folder = join(ROOT, 'lab', 'standins', action.split('/').at(-1) ?? '');
      return existsSync(join(folder, 'action.yml')) ? folder : undefined;
    },
  };
}
