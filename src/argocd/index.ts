/** Argo CD's read API, with a token that may do `applications, get` and nothing else. */
export { type ApplicationState, describeApplication, shortRevision } from './application.ts';
export { type ArgoCd, openArgoCd, type ResourceRef, type Unavailable } from './client.ts';
export { fields, isFields, list, message, name, word } from './fields.ts';
export { type ApplicationName, formatApplicationName, parseApplicationName } from './name.ts';
export type { InputNames } from './refusals.ts';
export { type ResourceTree, type TreeNode, treeHealth } from './tree.ts';
