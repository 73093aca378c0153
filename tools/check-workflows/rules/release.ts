/** W07, W14 and W18: the jobs that publish. */
import type { WorkflowFile } from '../model.ts';
import { type Found, grants, jobLine, jobsOf, neededBy, type Rule, scriptsOf, stepsOf, textLine } from '../rule.ts';
import { type Command, commandsOf } from '../shell.ts';

/** A job that publishes restores no cache: what another branch put there would be shipped. */
export const w07: Rule = (file) =>
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
            line: jobLine(file, job),
            message: `job ${job} publishes and restores a cache`,
          },
        ]
      : [];
  });

const IMMUTABLE = 'vX.Y.Z is never moved or removed, and v1 only by release-tree move-major';

/** Version tags are immutable; the major moves by the one tool that asks for the release first. */
export const w14: Rule = (file) =>
  scriptsOf(file).flatMap(({ job, script }) =>
    commandsOf(script).flatMap((command): Found[] => {
      const line = textLine(file, command[0] ?? '');
      if (movesTags(command)) return [{ rule: 'W14', line, message: `job ${job}: ${command.join(' ')}: ${IMMUTABLE}` }];
      const move = command.includes('move-major') && command.some((word) => /release-tree/.test(word));
      const publishes = [...neededBy(file, job)].some((other) =>
        (file.value.jobs?.[other]?.steps ?? []).some((step) => /release-tree\S* publish\b/.test(step.run ?? '')),
      );
      return move && !publishes
        ? [{ rule: 'W14', line, message: `job ${job} moves the major tag without a job before it that publishes` }]
        : [];
    }),
  );

function movesTags(command: Command): boolean {
  const [program, verb] = command.filter((word) => !word.startsWith('-'));
  const force = command.some((word) => /^(-[a-z]*f[a-z]*|--force(-.*)?|--mirror|"?\+.*)$/.test(word));
  const remove = command.some((word) => /^(-[a-z]*d|--delete|--prune|"?:.*)$/.test(word));
  if (program === 'git' && (verb === 'push' || verb === 'tag')) return force || remove;
  if (program === 'git' && verb === 'update-ref') return true;
  if (program !== 'gh') return false;
  if (verb === 'release') return command.includes('delete') || command.includes('--clobber');
  return verb === 'api' && command.some((word) => /git\/refs/.test(word));
}

/** Jobs that move references of this repository, and those whose word they take. */
function releaseJobs(file: WorkflowFile): Set<string> {
  const writers = jobsOf(file)
    .map(([job]) => job)
    .filter((job) => grants(file, job, 'contents', 'write'));
  return new Set(writers.flatMap((job) => [job, ...neededBy(file, job)]));
}

/** Nothing that runs in a release may send a token elsewhere: the first step blocks what is not on its list. */
export const w18: Rule = (file) =>
  [...releaseJobs(file)].flatMap((job) => {
    const first = file.value.jobs?.[job]?.steps?.[0];
    const problem = (message: string): Found[] => [
      { rule: 'W18', line: jobLine(file, job), message: `job ${job}: ${message}` },
    ];
    if (first?.uses?.startsWith('step-security/harden-runner@') !== true)
      return problem('its first step is not step-security/harden-runner');
    if (first.with?.['egress-policy'] !== 'block') return problem('egress-policy is not block');
    return String(first.with?.['allowed-endpoints'] ?? '').trim() === '' ? problem('allowed-endpoints is empty') : [];
  });
