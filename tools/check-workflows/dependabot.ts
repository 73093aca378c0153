/** W15: updates come by themselves, but not on their first day. */
import { load } from 'js-yaml';
import { lineOf, type Problem } from './model.ts';

/** What this repository uses. */
const ECOSYSTEMS: readonly string[] = ['npm', 'github-actions', 'pip', 'docker'];
const MIN_DAYS = 3;

interface Update {
  'package-ecosystem'?: unknown;
  cooldown?: Record<string, unknown>;
}

/** @param required ecosystems that must be there */
export function checkDependabot(name: string, text: string, required: readonly string[] = ECOSYSTEMS): Problem[] {
  const { updates = [] } = (load(text) ?? {}) as { updates?: Update[] };
  const problem = (message: string, pattern = /^updates/m): Problem => ({
    rule: 'W15',
    file: name,
    line: lineOf(text, pattern),
    message,
  });
  const missing = required.filter((system) => !updates.some((update) => update['package-ecosystem'] === system));
  return [
    ...missing.map((system) => problem(`${system} gets no updates`)),
    ...updates.flatMap((update) => {
      const system = String(update['package-ecosystem']);
      const days = Object.entries(update.cooldown ?? {}).filter(([key]) => key.endsWith('-days'));
      const short = days.filter(([, value]) => !(typeof value === 'number' && value >= MIN_DAYS));
      return update.cooldown?.['default-days'] !== undefined && short.length === 0
        ? []
        : [
            problem(
              `${system} has no cool-down of at least ${MIN_DAYS} days`,
              new RegExp(`package-ecosystem: *"?${system}`),
            ),
          ];
    }),
  ];
}
