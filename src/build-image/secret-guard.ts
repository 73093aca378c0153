/** Finds secrets in build arguments and labels: history and provenance would publish them. */
import { ActionError } from '../runner/index.ts';
import type { BuildInputs } from './inputs.ts';

const NAME = /(^|_)(TOKEN|SECRET|PASSW(OR)?D|PWD|API_?KEY|PRIVATE_KEY|ACCESS_KEY|CREDENTIALS?)(_|$)/i;
const VALUE =
  /ghp_[A-Za-z0-9]{16}|ghs_[A-Za-z0-9]{16}|github_pat_|AKIA[0-9A-Z]{12}|xox[a-z]-|-----BEGIN [A-Z ]*PRIVATE KEY|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\./;
const SHORTEST = 8;

export interface Finding {
  kind: 'build-args' | 'labels';
  name: string;
  why: string;
}

/** @param allow names of build arguments that are exempt */
export function findSecretArg(
  args: readonly (readonly [string, string])[],
  labels: readonly (readonly [string, string])[],
  known: readonly string[],
  allow: readonly string[],
): Finding | undefined {
  const inValue = (value: string): string | undefined => {
    if (known.some((secret) => secret.length >= SHORTEST && value.includes(secret))) return 'it contains a secret';
    return VALUE.test(value) ? 'its value looks like a token or key' : undefined;
  };
  for (const [name, value] of args) {
    if (allow.includes(name)) continue;
    const why = NAME.test(name) ? 'its name says that it is a secret' : inValue(value);
    if (why !== undefined) return { kind: 'build-args', name, why };
  }
  for (const [name, value] of labels) {
    const why = inValue(value);
    if (why !== undefined) return { kind: 'labels', name, why };
  }
  return undefined;
}

/** @param known every secret of this run @throws ActionError E_SECRET_ARG */
export function guardSecrets(inputs: BuildInputs, known: readonly string[]): void {
  const finding = findSecretArg(inputs.args, inputs.labels, known, inputs.allowSecretArgs);
  if (finding === undefined) return;
  throw new ActionError('E_SECRET_ARG', {
    what: `input ${finding.kind}, ${finding.name}`,
    why: `${finding.why}, and the history of the image would publish it`,
    fix: 'Use the input secrets and RUN --mount=type=secret, or name it in allow-secret-args',
  });
}
