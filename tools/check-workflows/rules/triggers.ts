/** W05 and the limits of time: what starts a job, and what ends it. */
import { lineOf } from '../model.ts';
import { events, type Found, jobLine, jobsOf, type Rule } from '../rule.ts';

/** Code of a pull request never runs with the secrets of the base. */
export const w05: Rule = (file) => {
  const on = events(file);
  const problems: Found[] = [];
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

/** GitHub's default is six hours. */
export const timeouts: Rule = (file) =>
  jobsOf(file)
    .filter(([, j]) => j.uses === undefined && j['timeout-minutes'] === undefined)
    .map(([job]) => ({
      rule: 'timeout',
      line: jobLine(file, job),
      message: `job ${job} has no timeout-minutes`,
    }));
