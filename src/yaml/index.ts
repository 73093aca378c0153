/** Byte-exact edits of YAML scalars. */
export type { Change, ScalarType } from './change.ts';
export { type Applied, editValues, isEqual, scalarAt } from './edit.ts';
export { find } from './find.ts';
export { formatPath, parsePath, type ValuePath } from './path.ts';
export { pinOf } from './pin.ts';
export { isPlainSafe } from './quote.ts';
export type { MapSite, ScalarSite, Site } from './site.ts';
export { decodeText, openSource, type YamlSource } from './source.ts';
