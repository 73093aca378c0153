/**
 * Eight faults (in ten forms) at every call that plan, handoff and revert make, and at every call that follows a write whose
 * answer was lost: the right value or a red run in the end, never a loss that nobody is told of. Whatever a fault left behind,
 * one later revert takes back.
 */
import type { FaultMatch } from '../../../lab/forge/faults.ts';
import { type Fault, type ForgeRequest, faultAnswers } from '../../../lab/forge/server.ts';
import { type Bench, type Code, look, openBench, type Plan, planned, revert, stage } from './chain.ts';

export const FORMS: Readonly<Record<string, Omit<Fault, 'match' | 'skip' | 'times'>>> = {
  'a delay': { delayMs: 20 },
  '502 before the effect': { answer: faultAnswers.badGateway('before') },
  '502 after the effect': { answer: faultAnswers.badGateway('after') },
  'a cut connection before the effect': { reset: 'before' },
  'a cut connection after the effect': { reset: 'after' },
  'a secondary limit': { answer: faultAnswers.secondaryLimit(2) },
  '409': { answer: faultAnswers.conflict() },
  '422': { answer: faultAnswers.unprocessable() },
  'a slow body': { slowBodyMs: 20 },
  'a stale replica': { staleBy: 1 },
};

export const PHASES = ['plan', '5%', '100%', 'finish', 'revert from 5%', 'revert from finish'] as const;
type Phase = (typeof PHASES)[number];
/** The stage that stands before a phase. */
const BEFORE: Partial<Record<Phase, string>> = {
  '100%': '5%',
  finish: '100%',
  'revert from 5%': '5%',
  'revert from finish': 'finish',
};

/** What the programs ask for, by name. */
const KINDS: Readonly<Record<string, FaultMatch>> = {
  contents: { path: /\/contents\// },
  compare: { path: /\/compare\// },
  ref: { path: /\/git\/ref\// },
  BumpRead: { operation: 'BumpRead' },
  BumpCommit: { operation: 'BumpCommit' },
  BumpHistory: { operation: 'BumpHistory' },
  'refs to fetch': { query: /service=git-upload-pack/ },
  'refs to push': { query: /service=git-receive-pack/ },
  fetch: { path: /\/git-upload-pack$/ },
  push: { path: /\/git-receive-pack$/ },
};
const WRITES = ['BumpCommit', 'push'];

export interface Call {
  phase: Phase;
  kind: string;
  /** The how-manieth of its kind, from 0. */
  nth: number;
  /** It follows a write whose answer was lost; counted from there. */
  lost: boolean;
}

export interface End {
  /** Of the first red job; '' when all are green. */
  code: Code;
  /** '' when nothing is wrong with it. */
  wrong: string;
}

export interface Matrix extends AsyncDisposable {
  bench: Bench;
  /** What a phase asks for when nothing disturbs it, and then when the answer of its write is lost. */
  calls(phase: Phase): Promise<Call[]>;
  /** @param times how often the fault strikes, from that call on */
  hit(call: Call, form: string, times: number): Promise<End>;
}

export async function openMatrix(transport: Bench['transport']): Promise<Matrix> {
  const bench = await openBench(transport);
  const { forge } = bench.world;
  const plan = (await planned(bench)) as Plan;
  const after = new Map<string, { head: string; text: string }>();
  for (const one of plan.stages) {
    const code = await stage(bench, one);
    if (code !== '') throw new Error(`stage ${one.name}: ${code}`);
    after.set(one.name, { head: await bench.world.head(), text: (await look(bench)).text });
  }
  const legal = [bench.before, ...[...after.values()].map((one) => one.text)];

  async function start(phase: Phase, lost: boolean): Promise<void> {
    await bench.reset(after.get(BEFORE[phase] ?? '')?.head);
    const write = KINDS[transport === 'git' ? 'push' : 'BumpCommit'] ?? {};
    if (lost) forge.faults.add({ match: write, reset: 'after' });
  }
  /** @returns the code of the first red job */
  async function play(phase: Phase): Promise<Code> {
    if (phase.startsWith('revert')) return revert(bench, plan);
    const made = phase === 'plan' ? await planned(bench) : plan;
    if (typeof made === 'string') return made;
    // A plan made of old values is caught by the first stage: its conditions do not hold.
    for (const one of made.stages.filter(({ name }) => phase === 'plan' || name === phase)) {
      const code = await stage(bench, one);
      if (code !== '') return code;
    }
    return '';
  }
  const wantedAfter = (phase: Phase): string =>
    phase.startsWith('revert') ? bench.before : (after.get(phase === 'plan' ? 'finish' : phase)?.text ?? '');

  async function recorded(phase: Phase, lost: boolean): Promise<Call[]> {
    await start(phase, lost);
    const code = await play(phase);
    if (code !== '') throw new Error(`${phase}: ${code}`);
    const kinds = forge.requests().map(kindOf);
    // What follows a plan belongs to other phases.
    const own = phase === 'plan' ? kinds.slice(0, 1) : kinds;
    const from = lost ? own.findIndex((kind) => WRITES.includes(kind)) + 1 : 0;
    return own
      .slice(from)
      .map((kind, i, all) => ({ phase, kind, lost, nth: all.slice(0, i).filter((k) => k === kind).length }));
  }

  return {
    bench,
    async calls(phase) {
      const calm = await recorded(phase, false);
      const writes = calm.some(({ kind }) => WRITES.includes(kind));
      return writes ? [...calm, ...(await recorded(phase, true))] : calm;
    },
    async hit(call, form, times) {
      const { phase, kind, nth, lost } = call;
      await start(phase, lost);
      const strikes: number[] = [];
      forge.faults.add({
        match: KINDS[kind] ?? {},
        skip: nth,
        times,
        ...FORMS[form],
        meanwhile: async () => strikes.push(1),
      });
      const code = await play(phase);
      const end = await look(bench);
      const where = `${form} at ${kind} ${nth} of ${phase}${lost ? ', after a lost answer' : ''}`;
      const wrong = (why: string): End => ({ code, wrong: `${where}: ${why}` });
      if (strikes.length === 0) return wrong('never met');
      if (end.twice.length > 0) return wrong('written twice');
      if (code === 'E_INTERNAL') return wrong('nobody expected this');
      if (!legal.includes(end.text)) return wrong('a value that nobody asked for');
      if (code === '' && end.text !== wantedAfter(phase)) return wrong('green, and the value is not there');
      // The job that runs when the forge is well again.
      forge.faults.clear();
      if (code !== '' && ((await revert(bench, plan)) !== '' || (await look(bench)).text !== bench.before))
        return wrong('could not be taken back');
      return { code, wrong: '' };
    },
    [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose](),
  };
}

function kindOf(request: ForgeRequest): string {
  const found = Object.entries(KINDS).find(
    ([, { path, query, operation }]) =>
      (path === undefined || path.test(request.path)) &&
      (query === undefined || query.test(request.query)) &&
      (operation === undefined || operation === request.operation),
  );
  return found?.[0] ?? `${request.method} ${request.path}`;
}
