/** Options of `npm run demo`. */
import { parseArgs } from 'node:util';
import { parseWeights } from '../../src/plan-delivery/weights.ts';
import { ActionError } from '../../src/runner/index.ts';
import { nearest } from '../../src/text/index.ts';

/** Faults that can be shipped, and the environment variables in the image that make them. */
export const FAULTS = {
  errors: { FAULT_ERROR_RATE: '0.2' },
  latency: { FAULT_LATENCY_MS: '800' },
  cpu: { FAULT_CPU_MS: '20' },
} as const satisfies Record<string, Record<string, string>>;
export type Fault = keyof typeof FAULTS;

/** Faults of the source, which never get as far as an image. */
export const RED_GATES = ['lint', 'test', 'deps'] as const;
export type RedGate = (typeof RED_GATES)[number];

export const STRATEGIES = ['canary', 'blueGreen', 'rolling', 'recreate'] as const;
export type Strategy = (typeof STRATEGIES)[number];

export interface DemoOptions {
  /** What is wrong with the version that is shipped. */
  fault: Fault | undefined;
  /** What is wrong with the source, so that nothing is shipped. */
  redGate: RedGate | undefined;
  strategy: Strategy;
  /** Change a pod by hand after the delivery. */
  drift: boolean;
  weights: readonly number[];
  /** Run the workflows by nektos/act instead of the lab's own runner. */
  act: boolean;
  /** Requests a second, fixed arrival times. */
  rps: number;
  seed: number;
  /** Leave everything running and print the addresses. */
  keep: boolean;
  /** Print one JSON object at the end. */
  json: boolean;
  report: string | undefined;
}

export const USAGE = `npm run demo [-- options]
  --break errors|latency|cpu
                           ship a bad version: the canary must fail and be reverted
  --break lint|test|deps   push a bad change: the merge must be refused, and nothing shipped
  --strategy canary|blueGreen|rolling|recreate
  --drift                  change a pod by hand afterwards: it must be healed
  --weights '[5,10,25,50,100]'
  --act                    run the workflows by nektos/act instead of the lab's own runner
  --rps 60                 requests a second
  --seed 1                 of the traffic and the gateway
  --keep                   leave everything running until Ctrl-C
  --json                   one JSON object at the end
  --report FILE            where the HTML report goes (default .lab/demo/report.html)`;

const NAMES = [
  'break',
  'strategy',
  'drift',
  'weights',
  'act',
  'rps',
  'seed',
  'keep',
  'json',
  'report',
  'help',
] as const;

/**
 * @param args what stands behind `--`
 * @throws ActionError E_INPUT for an unknown option (the nearest is named) or a value out of range; E_PLAN_WEIGHTS
 */
export function parseOptions(args: readonly string[]): DemoOptions | 'help' {
  const { values, tokens } = parseArgs({
    args: [...args],
    strict: false,
    tokens: true,
    options: {
      break: { type: 'string' },
      strategy: { type: 'string' },
      drift: { type: 'boolean' },
      weights: { type: 'string' },
      act: { type: 'boolean' },
      rps: { type: 'string' },
      seed: { type: 'string' },
      keep: { type: 'boolean' },
      json: { type: 'boolean' },
      report: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  for (const token of tokens) {
    if (token.kind === 'positional') throw bad(`"${token.value}" is not an option`);
    if (token.kind === 'option' && !(NAMES as readonly string[]).includes(token.name)) {
      const near = nearest(token.name, NAMES);
      throw bad(`--${token.name} is not known${near === undefined ? '' : `; did you mean --${near}`}`);
    }
  }
  if (values.help === true) return 'help';
  const text = (name: (typeof NAMES)[number]): string | undefined => {
    const value = values[name];
    if (value === true && !['drift', 'act', 'keep', 'json'].includes(name)) throw bad(`--${name} needs a value`);
    return typeof value === 'string' ? value : undefined;
  };
  const broken = oneOf('break', text('break'), [...(Object.keys(FAULTS) as Fault[]), ...RED_GATES]);
  const redGate = RED_GATES.find((name) => name === broken);
  const fault = redGate === undefined ? (broken as Fault | undefined) : undefined;
  const strategy = oneOf('strategy', text('strategy'), STRATEGIES) ?? 'canary';
  const drift = values.drift === true;
  if (fault !== undefined && strategy !== 'canary')
    throw bad('--break needs the strategy canary: nothing else compares two versions');
  if (drift && broken !== undefined) throw bad('--drift and --break show different things: give one of them');
  if (drift && strategy === 'recreate')
    throw bad('--drift needs pods that stay while others start, and recreate has none: give another --strategy');
  return {
    fault,
    redGate,
    strategy,
    drift,
    weights: parseWeights(text('weights') ?? '[5,10,25,50,100]'),
    act: values.act === true,
    rps: integer('rps', text('rps'), 60, 1, 500),
    seed: integer('seed', text('seed'), 1, 0, 2 ** 31),
    keep: values.keep === true,
    json: values.json === true,
    report: text('report'),
  };
}

function oneOf<T extends string>(name: string, value: string | undefined, words: readonly T[]): T | undefined {
  if (value === undefined) return undefined;
  if ((words as readonly string[]).includes(value)) return value as T;
  throw bad(`--${name} ${value} is not one of ${words.join(', ')}`);
}

function integer(name: string, value: string | undefined, fallback: number, min: number, max: number): number {
  if (value === undefined) return fallback;
  const number = /^\d{1,12}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw bad(`--${name} ${value} is not a whole number from ${min} to ${max}`);
}

function bad(why: string): ActionError {
  return new ActionError('E_INPUT', { what: 'options', why, fix: `Known are:\n${USAGE}` });
}
