/** The action without its edges: inputs as a user writes them, a repository in memory, builds A < B < C. */
import { parseBumpInputs } from '../../src/bump-helm-tag/inputs.ts';
import type { Outcome } from '../../src/bump-helm-tag/progress.ts';
import { run } from '../../src/bump-helm-tag/run.ts';
import { ActionError, Deadline, fakeClock, memoryLog } from '../../src/runner/index.ts';
import { type FakeRepository, lineOf } from './fake.ts';

export const [A, B, C] = ['a', 'b', 'c'].map((c) => c.repeat(40)) as [string, string, string];
export const DIGEST = (c: string): string => `sha256:${c.repeat(64)}`;
let ids = 0;

export async function bump(repository: FakeRepository, inputs: Record<string, string>, revision = C): Promise<Outcome> {
  const given = { 'config-repository': 'org/cfg', token: 't', ...inputs };
  const env = { GITHUB_REPOSITORY: 'org/app', GITHUB_SHA: revision, GITHUB_REF: 'refs/heads/main', GITHUB_RUN_ID: '7' };
  const parsed = parseBumpInputs({
    ...env,
    ...Object.fromEntries(Object.entries(given).map(([key, value]) => [`INPUT_${key.toUpperCase()}`, value])),
  });
  const clock = fakeClock();
  using deadline = new Deadline(parsed.deadline, clock);
  ids += 1;
  const bumpId = `00000000-0000-4000-8000-${ids.toString(16).padStart(12, '0')}`;
  const source = lineOf(A, B, C);
  return await run(parsed, bumpId, { repository, source, clock, random: () => 0.5, deadline, log: memoryLog() });
}

/** The code a run is refused with. */
export async function codeOf(refused: Promise<unknown>): Promise<string> {
  const error = await refused.then(
    () => undefined,
    (e: unknown) => e,
  );
  if (error instanceof ActionError) return error.code;
  throw error ?? new Error('it should have been refused');
}
