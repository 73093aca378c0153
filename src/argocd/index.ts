/** Argo CD's read API, with a token that may do `applications, get` and nothing else. */
export { type ApplicationState, describeApplication } from './application.ts';
export { type ArgoCd, openArgoCd } from './client.ts';
export { type ApplicationName, formatApplicationName, parseApplicationName } from './name.ts';
