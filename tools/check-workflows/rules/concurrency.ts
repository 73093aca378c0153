/** W08: who waits for whom. */
import { lineOf, type Problem, type WorkflowFile } from '../model.ts';
import { events, type Rule } from '../rule.ts';

/** What writes to the config repository runs one at a time, and every delivery gets its turn. */
export const w08: Rule = (file) => {
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
