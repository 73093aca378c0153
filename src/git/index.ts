/** The git command line as a library. */
export { type GitCommit, logOf } from './history.ts';
export { classifyAccess, classifyPush, type PushResult } from './push-result.ts';
export { checkGitVersion, type Git, type GitAccess, type GitOptions, openGit } from './run-git.ts';
export { listTree, replaceBlobs } from './trees.ts';
