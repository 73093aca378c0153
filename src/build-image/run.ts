/** The action: a list of its phases. */
import { type Digest, nameOf, RegistryError } from '../oci/index.ts';
import { ActionError } from '../runner/index.ts';
import { buildImage } from './build.ts';
import { assertServed } from './copy.ts';
import { decide } from './decide.ts';
import type { BuildInputs } from './inputs.ts';
import { type InspectedImage, inspectImage, relationOf, samePlatforms } from './inspect.ts';
import { KEY_LABEL } from './labels.ts';
import { makePlan, type Plan } from './plan.ts';
import type { Ports } from './ports.ts';
import { type Located, type Probe, probe } from './probe.ts';
import { conflict, publish } from './publish.ts';
import type { Result } from './report.ts';
import { findSecretArg } from './secret-guard.ts';

/** @throws ActionError; see the table of codes in the README */
export async function run(inputs: BuildInputs, ports: Ports): Promise<Result> {
  const { log, clock } = ports;
  const seconds: Record<string, number> = {};
  const phase = async <T>(name: string, body: () => Promise<T>): Promise<T> => {
    const start = clock.now();
    ports.deadline.check(name);
    try {
      return await log.group(name, body);
    } finally {
      seconds[name] = clock.now() - start;
    }
  };
  guardSecrets(inputs);
  const plan = await phase('plan', () => makePlan(inputs, ports));
  const result = (r: Partial<Result>): Result => ({
    plan,
    inspected: undefined,
    states: [],
    reused: false,
    reason: '',
    pushed: false,
    engine: '',
    seconds,
    ...r,
  });
  if (!plan.push) {
    if (inputs.mode === 'plan') return result({ reason: 'push is off, so no registry was asked' });
    const built = await phase('build', () => buildImage(inputs, plan, undefined, inputs.logins, ports));
    return result({ reason: 'push is off', engine: built.engine });
  }
  const found = await phase('probe', () => probe(inputs.images, plan, inputs.platform, ports));
  const decision = decide(found, inputs.reuse);
  if (decision.do === 'conflict') throw conflictFrom(inputs, found, decision.tag);
  if (decision.do === 'not-built') {
    throw new ActionError('E_NOT_BUILT', {
      what: nameOf(inputs.images[0]),
      why: `no image of this source exists (key ${plan.key.key.slice(0, 12)}…)`,
      fix: 'Build it first, or set reuse to auto',
    });
  }
  if (decision.do === 'reuse') {
    if (decision.baseMoved) {
      log.warning('W_BASE_MOVED', 'a base image has moved since this source was built; its image stays as it is');
    }
    log.info(`reuse: hit by ${decision.reason}, ${decision.digest}`);
  } else {
    if (decision.damaged) log.warning('W_REUSE_DAMAGED', `${decision.reason}; it is built again`);
    log.info(`build: ${decision.reason}`);
  }
  if (inputs.mode === 'plan') {
    const inspected = decision.do === 'reuse' ? found.located.get(decision.digest)?.inspected : undefined;
    return result({ reused: decision.do === 'reuse', reason: decision.reason, inspected });
  }
  let located: Located | undefined;
  let engine = '';
  if (decision.do === 'reuse') {
    located = found.located.get(decision.digest);
  } else {
    // A forced build must not replace what others may be using.
    const stage = inputs.reuse === 'off' ? plan.runTag : (plan.staging[0] ?? plan.runTag);
    const built = await phase('build', () => buildImage(inputs, plan, stage, inputs.logins, ports));
    engine = built.engine;
    located = await phase('prove', () => prove(inputs, plan, stage, built.digest, ports));
    if (decision.mustEqual !== undefined && decision.mustEqual !== located.inspected.digest) {
      throw conflictFrom(inputs, found, found.immutable[0]?.tag ?? '');
    }
  }
  if (located === undefined) throw new Error('the image that was found is gone');
  const chosen = located;
  const staging = inputs.reuse === 'off' && found.staging !== undefined ? [] : plan.staging.slice(0, 1);
  const published = await phase('publish', () => publish(chosen, inputs.images, staging, plan, inputs.platform, ports));
  return result({
    inspected: published.located.inspected,
    states: published.states,
    reused: decision.do === 'reuse' || published.adopted,
    reason: published.adopted ? 'another run of the same source was first' : decision.reason,
    pushed: true,
    engine,
  });
}

function guardSecrets(inputs: BuildInputs): void {
  const known = [
    ...inputs.secrets.flatMap((s) => s.value ?? []),
    ...[...inputs.logins.values()].map((login) => login.password),
  ];
  const finding = findSecretArg(inputs.args, inputs.labels, known, inputs.allowSecretArgs);
  if (finding === undefined) return;
  throw new ActionError('E_SECRET_ARG', {
    what: `input ${finding.kind}, ${finding.name}`,
    why: `${finding.why}, and the history of the image would publish it`,
    fix: 'Use the input secrets and RUN --mount=type=secret, or name it in allow-secret-args',
  });
}

/** Reads everything back from the primary registry: nothing else makes a digest an output. */
async function prove(
  inputs: BuildInputs,
  plan: Plan,
  stage: string,
  digest: Digest | undefined,
  ports: Ports,
): Promise<Located> {
  const [image] = inputs.images;
  const what = `${nameOf(image)}@${digest ?? '?'}`;
  const fail = (
    code: 'E_ENGINE_OUTPUT' | 'E_NOT_OURS' | 'E_PLATFORM' | 'E_DIGEST',
    why: string,
    fix: string,
  ): never => {
    throw new ActionError(code, { what, why, fix });
  };
  if (digest === undefined) return fail('E_ENGINE_OUTPUT', 'the engine named no digest', 'Run again');
  const registry = ports.registryFor(image.host);
  const inspected = await inspectImage(registry, image.repository, digest);
  if (inspected === undefined) {
    const there = await registry.head(image.repository, stage);
    if (there !== undefined) await assertServed(image, digest, ports.registryFor);
    return fail('E_DIGEST', 'the registry does not have what the engine says it pushed', 'Run again');
  }
  if (inspected.problems[0] !== undefined) fail('E_DIGEST', inspected.problems[0], 'Run again');
  const platforms = inspected.platforms.map((p) => p.platform);
  if (!samePlatforms(platforms, [inputs.platform])) {
    fail(
      'E_PLATFORM',
      `it is for ${platforms.join(', ')}, not ${inputs.platform}`,
      'Check the platform of the base image',
    );
  }
  if (relationOf(inspected, plan.own, [inputs.platform]) !== 'ours') {
    fail('E_NOT_OURS', `it lacks the label ${KEY_LABEL} of this run`, 'Check who else pushes to this repository');
  }
  ports.log.info(`proven ${what}`);
  return { image, inspected: inspected as InspectedImage };
}

function conflictFrom(inputs: BuildInputs, found: Probe, tag: string): Error {
  const entry = found.immutable.find((t) => t.tag === tag);
  if (entry === undefined)
    return new RegistryError('E_TAG_CONFLICT', 0, tag, 'it names another image', 'Use a new version');
  return conflict(inputs.images[0], tag, entry);
}
