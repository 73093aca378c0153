/** The rules over one workflow file by their ids; each has a passing and a failing fixture. */
import type { Problem, WorkflowFile } from './model.ts';
import type { Pins, Rule } from './rule.ts';
import { w08 } from './rules/concurrency.ts';
import { w12 } from './rules/downloads.ts';
import { w02, w13 } from './rules/permissions.ts';
import { w01, w17 } from './rules/references.ts';
import { w07, w14, w18 } from './rules/release.ts';
import { w03, w11, w16 } from './rules/scripts.ts';
import { w04, w06 } from './rules/secrets.ts';
import { timeouts, w05 } from './rules/triggers.ts';

const RULES: Readonly<Record<string, Rule>> = {
  W01: w01,
  W02: w02,
  W03: w03,
  W04: w04,
  W05: w05,
  W06: w06,
  W07: w07,
  W08: w08,
  W11: w11,
  W12: w12,
  W13: w13,
  W14: w14,
  W16: w16,
  W17: w17,
  W18: w18,
  timeout: timeouts,
};

export const RULE_NAMES: readonly string[] = Object.keys(RULES);

/** @param rules ids of those that are asked, default all */
export function checkWorkflow(file: WorkflowFile, pins: Pins, rules: readonly string[] = RULE_NAMES): Problem[] {
  return rules.flatMap((name) => (RULES[name]?.(file, pins) ?? []).map((problem) => ({ ...problem, file: file.name })));
}
