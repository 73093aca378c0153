/** W04 and W06: where credentials may be. */
import { lineOf } from '../model.ts';
import { jobLine, jobsOf, type Rule, stepsOf } from '../rule.ts';

/** A token in .git/config can be read by every later step. */
export const w04: Rule = (file) =>
  stepsOf(file)
    .filter(({ step }) => step.uses?.startsWith('actions/checkout@') && step.with?.['persist-credentials'] !== false)
    .map(({ job }) => ({
      rule: 'W04',
      line: lineOf(file.text, /actions\/checkout@/),
      message: `job ${job}: checkout without persist-credentials: false`,
    }));

const DEPLOY_SECRET = /secrets\.(CONFIG_APP_KEY|CONFIG_TOKEN|PROMETHEUS_TOKEN|ARGOCD_TOKEN)\b/;

/** No `secrets: inherit`; deploy secrets only in jobs with an environment, so that a branch rule guards them. */
export const w06: Rule = (file) =>
  jobsOf(file).flatMap(([job, j]) => {
    const line = jobLine(file, job);
    if (j.secrets === 'inherit')
      return [{ rule: 'W06', line, message: `job ${job}: secrets: inherit hands over everything; name them` }];
    const direct = j.uses === undefined && DEPLOY_SECRET.test(JSON.stringify(j));
    return direct && j.environment === undefined
      ? [{ rule: 'W06', line, message: `job ${job} reads a deploy secret without an environment` }]
      : [];
  });
