/** What every action needs of a runner. */
export { type Annotation, annotationCommand, capAnnotations, type Level } from './annotations.ts';
export { type Clock, fakeClock, systemClock } from './clock.ts';
export { Deadline } from './deadline.ts';
export { parseDuration } from './duration.ts';
export { ActionError, describeError, type ErrorCode, type ErrorFacts, type Place, type WarningCode } from './errors.ts';
export { childEnv, type Exec, type ExecOptions, type ExecResult, systemExec } from './exec.ts';
export { type Env, field, inputError, parseInputs, rawInput, readInputs } from './inputs.ts';
export { actionsLog, type Log, memoryLog } from './log.ts';
export { type Run, runMain } from './main.ts';
export { type OutputValue, writeOutputs } from './outputs.ts';
export { cutSummary } from './summary.ts';
