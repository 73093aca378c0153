/** W01 and W17: what a workflow refers to. */
import type { Rule } from '../rule.ts';

/** Third-party actions by full commit with a true version comment, all of them in pins.json; own parts by `$/` without a ref. */
export const w01: Rule = (file, pins) =>
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

/** Valid where an organisation forces full commits: every reference is one, and none at all inside this repository. */
export const w17: Rule = (file) =>
  file.uses
    .filter(({ value }) => !/^(\$\/|\.\/)[^@]+$|@[0-9a-f]{40}$|^docker:\/\/[^@]+@sha256:[0-9a-f]{64}$/.test(value))
    .map(({ value, line }) => ({ rule: 'W17', line, message: `${value}: not a full commit` }));
