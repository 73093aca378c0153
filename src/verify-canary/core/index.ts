/** The judge as a library: `createJudge({metrics: [{name: 'errors', kind: 'ratio'}]})`, then `observe(line)`. */
export { withDefaults } from './defaults.ts';
export { createJudge } from './judge.ts';
export { canonicalLine, parseLine, spanOf, TraceError } from './trace.ts';
export type * from './types.ts';
