/** Rules W01..W08 and what GitHub's parser lets pass though it must not. Pure; each rule has a passing and a failing fixture. */
import { lineOf, type Problem, type WorkflowFile } from './model.ts';

export interface Pins {
  [action: string]: { commit: string; version: string };
}

type Rule = (file: WorkflowFile, pins: Pins) => Omit<Problem, 'file'>[];

const jobsOf = (file: WorkflowFile) => Object.entries(file.value.jobs ?? {});
const stepsOf = (file: WorkflowFile) =>
  jobsOf(file).flatMap(([job, j]) => (j.steps ?? []).map((step) => ({ job, step })));
const events = (file: WorkflowFile): string[] => {
  const on = file.value.on;
  return typeof on === 'string' ? [on] : Array.isArray(on) ? on.map(String) : Object.keys((on ?? {}) as object);
};

/** Third-party actions by full commit with a true version comment, all of them in pins.json; own parts by `$/` without a ref. */
const w01: Rule = (file, pins) =>
  file.uses.flatMap(({ value, line, comment }) => {
    const problem = (message: string) => [{ rule: 'W01', line, message: `${value}: ${message}` }];
    if (value.startsWith('$/'))
      return value.includes('@') ? problem('a reference to this repository takes no @ref') : [];
    if (value.startsWith('./')) return problem("write $/ instead of ./: ./ is the caller's checkout");
    if (value.startsWith('org/actions/')) return [];
    const match = /^([^/@]+\/[^/@]+)(\/[^@]*)?@([0-9a-f]{40})$/.exec(value);
    if (match === null) return problem('not pinned to a full commit');
    const pin = pins[`${match[1]}${match[2] ?? ''}`];
    if (pin === undefined) return problem('not in workflows/pins.json');
    if (pin.commit !== match[3]) return problem(`pins.json has ${pin.commit}`);
    return comment === pin.version ? [] : problem(`its comment must be "# ${pin.version}"`);
  });

/** `permissions: {}` at the top; each job lists its own, each grant with a reason. */
const w02: Rule = (file) => {
  const problems: Omit<Problem, 'file'>[] = [];
  const top = file.value.permissions;
  if (typeof top !== 'object' || top === null || Object.keys(top).length > 0) {
    problems.push({
      rule: 'W02',
      line: lineOf(file.text, /^permissions/m),
      message: 'write "permissions: {}" at the top',
    });
  }
  for (const [job, j] of jobsOf(file)) {
    if (typeof j.permissions === 'object' && j.permissions !== null) continue;
    problems.push({
      rule: 'W02',
      line: lineOf(file.text, new RegExp(`^ {2}${job}:`, 'm')),
      message: `job ${job} does not list its permissions`,
    });
  }
  for (const grant of file.grants) {
    if (grant.comment !== '') continue;
    problems.push({
      rule: 'W02',
      line: grant.line,
      message: `${grant.job}: ${grant.scope}: ${grant.level} has no comment saying why`,
    });
  }
  return problems;
};

/** Values reach a shell through `env:` only: an expression inside `run:` is code injection. */
const w03: Rule = (file) =>
  stepsOf(file).flatMap(({ job, step }) =>
    [step.run, step.with?.script]
      .filter((text): text is string => typeof text === 'string' && text.includes('${{'))
      .map(() => ({
        rule: 'W03',
        line: lineOf(file.text, /\$\{\{/),
        message: `job ${job}: an expression inside a script; pass it through env`,
      })),
  );

const w04: Rule = (file) =>
  stepsOf(file)
    .filter(({ step }) => step.uses?.startsWith('actions/checkout@') && step.with?.['persist-credentials'] !== false)
    .map(({ job }) => ({
      rule: 'W04',
      line: lineOf(file.text, /actions\/checkout@/),
      message: `job ${job}: checkout without persist-credentials: false`,
    }));

/** Code of a pull request never runs with the secrets of the base. */
const w05: Rule = (file) => {
  const on = events(file);
  const problems: Omit<Problem, 'file'>[] = [];
  if (on.includes('pull_request_target'))
    problems.push({
      rule: 'W05',
      line: lineOf(file.text, /pull_request_target/),
      message: 'pull_request_target is refused',
    });
  if (on.includes('workflow_run') && /workflow_run\.head_(sha|branch)/.test(file.text)) {
    problems.push({
      rule: 'W05',
      line: lineOf(file.text, /workflow_run\.head_/),
      message: 'workflow_run must not check out the head it reports on',
    });
  }
  return problems;
};

const DEPLOY_SECRET = /secrets\.(CONFIG_APP_KEY|CONFIG_TOKEN|PROMETHEUS_TOKEN|ARGOCD_TOKEN)\b/;

/** No `secrets: inherit`; deploy secrets only in jobs with an environment, so that a branch rule guards them. */
const w06: Rule = (file) =>
  jobsOf(file).flatMap(([job, j]) => {
    const line = lineOf(file.text, new RegExp(`^ {2}${job}:`, 'm'));
    if (j.secrets === 'inherit')
      return [{ rule: 'W06', line, message: `job ${job}: secrets: inherit hands over everything; name them` }];
    const direct = j.uses === undefined && DEPLOY_SECRET.test(JSON.stringify(j));
    return direct && j.environment === undefined
      ? [{ rule: 'W06', line, message: `job ${job} reads a deploy secret without an environment` }]
      : [];
  });

/** A job that publishes restores no cache: what another branch put there would be shipped. */
const w07: Rule = (file) =>
  stepsOf(file).flatMap(({ job, step }) => {
    const publishes = file.grants.some(
      (g) => g.job === job && g.level === 'write' && ['contents', 'packages', 'id-token'].includes(g.scope),
    );
    const restores =
      step.uses?.startsWith('actions/cache') || (step.uses?.startsWith('actions/setup-') && Boolean(step.with?.cache));
    return publishes && restores
      ? [
          {
            rule: 'W07',
            line: lineOf(file.text, new RegExp(`^ {2}${job}:`, 'm')),
            message: `job ${job} publishes and restores a cache`,
          },
        ]
      : [];
  });

/** What writes to the config repository runs one at a time, and every delivery gets its turn. */
const w08: Rule = (file) => {
  const writes =
    file.uses.some(({ value }) => /actions\/bump-helm-tag(@|$)/.test(value)) && events(file).includes('workflow_call');
  if (!writes) return [];
  const concurrency = (file.value.concurrency ?? {}) as Record<string, unknown>;
  const problem = (message: string) => [{ rule: 'W08', line: lineOf(file.text, /^concurrency/m), message }];
  if (typeof concurrency.group !== 'string')
    return problem('a workflow that writes handoffs needs a concurrency group');
  if (concurrency['cancel-in-progress'] !== false)
    return problem('a delivery is never cancelled by the next one: cancel-in-progress: false');
  return concurrency.queue === 'max'
    ? []
    : problem('without queue: max GitHub drops all but the newest waiting delivery');
};

/** GitHub's default is six hours. */
const timeouts: Rule = (file) =>
  jobsOf(file)
    .filter(([, j]) => j.uses === undefined && j['timeout-minutes'] === undefined)
    .map(([job]) => ({
      rule: 'timeout',
      line: lineOf(file.text, new RegExp(`^ {2}${job}:`, 'm')),
      message: `job ${job} has no timeout-minutes`,
    }));

const RULES: Readonly<Record<string, Rule>> = {
  W01: w01,
  W02: w02,
  W03: w03,
  W04: w04,
  W05: w05,
  W06: w06,
  W07: w07,
  W08: w08,
  timeout: timeouts,
};

/** Equal groups in a caller and its callee make the caller cancel or wait for itself. */
export function sharedGroups(files: readonly WorkflowFile[]): Problem[] {
  const seen = new Map<string, string>();
  return files.flatMap((file) => {
    const group = (file.value.concurrency as { group?: unknown } | undefined)?.group;
    if (typeof group !== 'string') return [];
    const other = seen.get(group);
    seen.set(group, file.name);
    const message = `its concurrency group is that of ${other}`;
    return other === undefined
      ? []
      : [{ rule: 'W08', file: file.name, line: lineOf(file.text, /^concurrency/m), message }];
  });
}

export function checkWorkflow(
  file: WorkflowFile,
  pins: Pins,
  rules: readonly string[] = Object.keys(RULES),
): Problem[] {
  return rules.flatMap((name) => (RULES[name]?.(file, pins) ?? []).map((problem) => ({ ...problem, file: file.name })));
}
