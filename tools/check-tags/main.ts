/**
 * npm run check:tags [-- --count=N --seed=N]: tags of a million names of refs, made to fall together. Exit code 1 when one is
 * no tag, or two names have the same.
 */
import { toTag } from '../../src/build-image/tag-name.ts';
import { checkTags } from './check.ts';
import { refNames } from './names.ts';

const count = number('count', 1_000_000);
const seed = number('seed', 20_260_101);
const start = process.cpuUsage();
const verdict = checkTags(refNames(count, seed, toTag), toTag);
const { user, system } = process.cpuUsage(start);

console.log(
  `${verdict.names} names (seed ${seed}), ${verdict.changed} of them changed: ${verdict.invalid} invalid, ` +
    `${verdict.collisions} collisions, ${((user + system) / 1e6).toFixed(1)} s of CPU`,
);
for (const example of verdict.examples) console.error(example);
if (verdict.invalid > 0 || verdict.collisions > 0) process.exitCode = 1;

function number(name: string, otherwise: number): number {
  const text = process.argv.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
  if (text === undefined) return otherwise;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`--${name} takes a whole number above 0`);
  return Number(text);
}
