/** W02 and W13: what jobs may do. */
import { lineOf } from '../model.ts';
import { type Found, grants, jobLine, jobsOf, type Rule } from '../rule.ts';

/** `permissions: {}` at the top; each job lists its own, each grant with a reason. */
export const w02: Rule = (file) => {
  const problems: Found[] = [];
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
      line: jobLine(file, job),
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

const SIGNS = /^(actions\/attest(-[a-z-]+)?|sigstore\/[^@]+)@|^\$\/|^org\/actions\//;

/** `id-token: write` only in jobs that sign. A call of our own workflows hands it on to one that does, and is checked there. */
export const w13: Rule = (file) =>
  jobsOf(file)
    .filter(([job]) => grants(file, job, 'id-token', 'write'))
    .filter(([, j]) => {
      const callsOurs = j.uses !== undefined && SIGNS.test(j.uses);
      const signs = (j.steps ?? []).some(
        (step) =>
          (SIGNS.test(step.uses ?? '') && !/^(\$\/|org\/)/.test(step.uses ?? '')) ||
          /\bcosign\s+sign\b/.test(step.run ?? ''),
      );
      return !callsOurs && !signs;
    })
    .map(([job]) => ({
      rule: 'W13',
      line: jobLine(file, job),
      message: `job ${job} may ask for an identity token and signs nothing`,
    }));
