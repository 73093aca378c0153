/** The only writers for untrusted text, and what else text needs before it can be told. */
export * as html from './html.ts';
export { parseJson } from './json.ts';
export { manyLines, oneLine, truncateBytes } from './line.ts';
export * as markdown from './markdown.ts';
export { nearest } from './nearest.ts';
export { formatBytes, formatSeconds } from './units.ts';
