/** The git command line as a library. */
export { type Blobs, readBlobs } from './blobs.ts';
export { type Fetched, fetchBlobs, fetchOnce, isPartial } from './fetch.ts';
export { type GitCommit, isAncestor, isShallow, logOf, type RawCommit, readCommit } from './history.ts';
export { blobSizes, renamesOf, resolveCommit } from './objects.ts';
export { type Access, classifyAccess, classifyPush, type PushResult } from './push-result.ts';
export { checkGitVersion, type Git, type GitAccess, type GitOptions, openGit } from './run-git.ts';
export { type SshKey, writeSshFiles } from './ssh.ts';
export { listTree, replaceBlobs, type TreeEntry } from './trees.ts';
