/** Byte-exact edits of YAML scalars. */
export { type Applied, type Change, editValues, isEqual, type ScalarType, scalarAt } from './edit.ts';
export { find, type MapSite, type ScalarSite, type Site } from './find.ts';
export { formatPath, parsePath, type ValuePath } from './path.ts';
export { isPlainSafe } from './quote.ts';
export { openSource, type YamlSource } from './source.ts';
