/** The action: a list of its phases. */
import { type Digest, nameOf } from '../oci/index.ts';
import { ActionError } from '../runner/index.ts';
import { buildImage } from './build.ts';
import { type Decision, decide } from './decide.ts';
import { StageTaken } from './engine-errors.ts';
import type { BuildInputs } from './inputs.ts';
import { revisionOf } from './inspect.ts';
import { merge } from './merge.ts';
import { makePlan, type Plan } from './plan.ts';
import type { Ports } from './ports.ts';
import { type Located, type Probe, probe } from './probe.ts';
import { promote } from './promote.ts';
import { checkSize, prove } from './prove.ts';
import { conflict, publish } from './publish.ts';
import type { Phase, Progress, Result } from './result.ts';
import { guardSecrets } from './secret-guard.ts';
import { readSecrets, type Secret } from './secrets.ts';
import { previousSize } from './size-delta.ts';

/**
 * @param progress filled on the way: what is known of a run that fails
 * @throws ActionError; see the table of codes in the README
 */
export async function run(inputs: BuildInputs, ports: Ports, progress: Progress): Promise<Result> {
  const phase: Phase = async (name, body) => {
    const start = ports.clock.now();
    ports.deadline.check(name);
    try {
      return await ports.log.group(name, body);
    } finally {
      progress.seconds[name] = ports.clock.now() - start;
    }
  };
  if (inputs.mode === 'merge') return merge(inputs, ports, progress, phase);
  if (inputs.mode === 'promote') return promote(inputs, ports, progress, phase);
  return build(inputs, ports, progress, phase);
}

async function build(inputs: BuildInputs, ports: Ports, progress: Progress, phase: Phase): Promise<Result> {
  const { log } = ports;
  const secrets = await phase('inputs', () => openSecrets(inputs, ports));
  const plan = await phase('plan', () => makePlan(inputs, ports));
  const result = (r: Partial<Result>): Result => ({
    plan,
    inspected: undefined,
    reused: false,
    reason: '',
    pushed: false,
    engine: '',
    ...r,
  });
  if (plan.push === 'none') {
    if (inputs.mode === 'plan') return result({ reason: 'push is off, so no registry was asked' });
    const built = await phase('build', () => buildImage(inputs, plan, secrets, undefined, ports));
    return result({ reason: 'push is off', engine: built.engine });
  }
  const found = await phase('probe', () => probe(inputs.images, plan, ports));
  const decision = decide(found, inputs.reuse);
  if (decision.do === 'conflict') throw conflictOf(decision, found);
  if (decision.do === 'not-built') throw found.denied ?? notBuilt(inputs, plan);
  tell(decision, found, ports);
  const reused = decision.do === 'reuse';
  if (inputs.mode === 'plan') {
    const inspected = reused ? found.located.get(decision.digest)?.inspected : undefined;
    return result({ reused, reason: decision.reason, inspected });
  }
  let located = reused ? found.located.get(decision.digest) : undefined;
  let engine = '';
  let adopted = false;
  if (!reused) {
    const built = await phase('build', () => buildOrAdopt(inputs, plan, secrets, decision.stage, ports));
    engine = built.engine;
    adopted = 'located' in built;
    located =
      'located' in built
        ? built.located
        : await phase('prove', () => prove(inputs.images[0], built.digest, built.stage, inputs.platforms, plan, ports));
    if (decision.mustEqual !== undefined && decision.mustEqual !== located.inspected.digest) {
      throw mustEqual(decision.mustEqual, located.inspected.digest, found);
    }
  }
  if (located === undefined) throw new Error('the image that was found is gone');
  const start = located;
  checkSize(start.inspected, inputs.sizeBudget);
  // Unchanged source stays quick: nothing is compared.
  const before = reused ? undefined : await previousSize(inputs.images[0], plan, start.inspected, ports);
  const staging = plan.push === 'stage' ? plan.tags[0]?.tag : decision.stage ? plan.staging[0] : undefined;
  const published = await phase('publish', () =>
    publish({ start, images: inputs.images, staging, plan }, progress.states, ports),
  );
  log.info(`published ${published.located.inspected.digest}`);
  return result({
    inspected: published.located.inspected,
    reused: reused || adopted || published.adopted,
    reason: adopted || published.adopted ? 'another run of the same source was first' : decision.reason,
    pushed: true,
    engine,
    before,
  });
}

async function openSecrets(inputs: BuildInputs, { log }: Ports): Promise<Secret[]> {
  const secrets = await readSecrets(inputs.secrets, inputs.workspace);
  const texts = secrets.map(({ bytes }) => bytes.toString('utf8'));
  for (const text of texts) log.mask(text);
  const passwords = [...inputs.logins.values()].map((login) => login.password);
  // A line of a secret is one too.
  guardSecrets(inputs, [...texts, ...texts.flatMap((text) => text.split(/\r?\n/)), ...passwords]);
  for (const image of inputs.images) {
    const name = nameOf(image);
    if ([...texts, ...passwords].some((s) => s.trim() !== '' && name.includes(s.trim()))) {
      log.warning(
        'W_MASKED_IMAGE',
        'the image name holds a masked value: use the outputs tag and digest, not image or ref',
      );
    }
  }
  return secrets;
}

type Building = { engine: string } & ({ digest: Digest | undefined; stage: string | undefined } | { located: Located });

/** Builds; where the registry refuses to replace the staging tag, what is there is looked at, and used when it is ours. */
async function buildOrAdopt(
  inputs: BuildInputs,
  plan: Plan,
  secrets: readonly Secret[],
  useStaging: boolean,
  ports: Ports,
): Promise<Building> {
  // A forced build must not replace what others may be using.
  const stage = useStaging && inputs.reuse !== 'off' ? (plan.staging[0] ?? plan.runTag) : plan.runTag;
  try {
    return await buildImage(inputs, plan, secrets, stage, ports);
  } catch (error) {
    if (!(error instanceof StageTaken)) throw error;
    if (stage === plan.runTag) throw error.error;
    const again = await probe(inputs.images, plan, ports);
    const there = again.staging?.relation === 'ours' ? again.located.get(again.staging.digest) : undefined;
    if (there !== undefined && inputs.reuse === 'auto') return { engine: '', located: there };
    return buildImage(inputs, plan, secrets, plan.runTag, ports).catch((second: unknown) => {
      throw second instanceof StageTaken ? second.error : second;
    });
  }
}

function tell(decision: Extract<Decision, { do: 'reuse' | 'build' }>, found: Probe, { log }: Ports): void {
  if (decision.do === 'build') {
    if (decision.damaged) log.warning('W_REUSE_DAMAGED', `${decision.reason}; it is built again`);
    log.info(`build: ${decision.reason}`);
    return;
  }
  if (decision.baseMoved) {
    log.warning('W_BASE_MOVED', 'a base image has moved since this source was built; its image stays as it is');
  }
  const revision = revisionOf(found.located.get(decision.digest)?.inspected) ?? 'a commit it does not say';
  log.info(`reuse: hit by ${decision.reason}, built at ${revision}, ${decision.digest}`);
}

function notBuilt(inputs: BuildInputs, plan: Plan): ActionError {
  return new ActionError('E_NOT_BUILT', {
    what: nameOf(inputs.images[0]),
    why: `no image of this source exists (key ${plan.key.key.slice(0, 12)}…)`,
    fix: 'Build it first, or set reuse to auto',
  });
}

function conflictOf(decision: Extract<Decision, { do: 'conflict' }>, found: Probe): ActionError {
  const entry = found.immutable.find((t) => t.tag === decision.tag && t.digest === decision.digest);
  if (entry === undefined) throw new Error('a conflict without its tag');
  const built = entry.relation === 'foreign' || entry.relation === 'unsound' ? undefined : decision.why;
  return conflict(entry.image, entry.tag, entry, built);
}

function mustEqual(wanted: Digest, got: Digest, found: Probe): Error {
  const [entry] = found.immutable;
  if (entry === undefined) throw new Error('a conflict without its tag');
  const why = `this tag is immutable and names ${wanted}; the forced build gave ${got}`;
  return conflict(entry.image, entry.tag, entry, why);
}
