import type { Limits } from '../types.ts';

/** Why a file could not be read. */
export type Unreadable = 'missing' | 'outside' | 'too-big' | 'not-a-file';

/** All that an extractor may do with the world. Paths are relative to the workspace, with slashes. */
export interface ExtractContext {
  read(path: string): Uint8Array | Unreadable;
  limits: Limits;
}
