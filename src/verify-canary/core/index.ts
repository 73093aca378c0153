/** The judge as a library: `createJudge({metrics: [{name: 'errors', kind: 'ratio'}]})`, then `observe(line)`. */
export { canonicalLine, fitLine } from './canonical.ts';
export { needsBaseline, podBound, withDefaults } from './defaults.ts';
export { createJudge } from './judge.ts';
export { MAX_PODS, parseLine, spanOf, TraceError } from './trace.ts';
export type * from './types.ts';
export { ROLLOUT_MODES } from './types.ts';
