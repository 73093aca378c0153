import type { FileReport, Limits } from '../types.ts';

/** Why a file could not be read. */
export type Unreadable = 'missing' | 'outside' | 'too-big' | 'not-a-file';

/** All that an extractor may do with the world. Paths are relative to the workspace, with slashes. */
export interface ExtractContext {
  read(path: string): Uint8Array | Unreadable;
  limits: Limits;
  /** The files of the scanned folders, where they are known: what globs of workspaces mean. */
  files?: readonly string[];
}

/** What an extractor hands over besides packages: what the other files of the tree mean in its light. */
export interface Extracted extends FileReport {
  /** Names of packages of this tree that the lock covers, where it tells no folders (Cargo). */
  memberNames?: string[];
  /** Set when a manifest also declares packages in a way that is not read: which. */
  unread?: string;
}

/** Reads one file of one format. Never throws for bad content. */
export type Extractor = (text: string, file: string, ctx: ExtractContext) => Extracted;
