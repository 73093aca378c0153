/** gradle.lockfile and buildscript-gradle.lockfile: `group:artifact:version=configuration,configuration`. */
import { extractor } from './sheet.ts';

const ENTRY = /^([^\s:=]{1,300}:[^\s:=]{1,300}):([^\s:=]{1,300})=([^\s]{0,20000})$/;

export const extractGradleLock = extractor('Maven', 'gradle-lock', (text, sheet) => {
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    // `empty=` lists configurations without any package.
    if (line === '' || line.startsWith('#') || line.startsWith('empty=')) continue;
    const [, name, version, configurations = ''] = ENTRY.exec(line) ?? [];
    if (name === undefined) {
      sheet.problem('a line that no gradle.lockfile has', index + 1);
      continue;
    }
    const names = configurations.split(',').filter((one) => one !== '');
    const scope = names.length > 0 && names.every((one) => one.startsWith('test')) ? 'dev' : 'runtime';
    sheet.add({ name, version, line: index + 1, scope });
  }
});
