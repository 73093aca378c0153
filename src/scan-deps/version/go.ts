/**
 * Go modules: semver 2 with a leading `v`; `+incompatible` is build metadata. https://go.dev/ref/mod#versions
 * The standard library is called by its toolchain (`go1.21rc2`, `1.21`): the vulnerability database writes 1.21.0-rc.2.
 * https://go.dev/doc/toolchain#version
 */
import { semanticOrder } from './semver.ts';

// A `-suffix` of a toolchain names a custom build of that very version.
const TOOLCHAIN = /^(?:go)?(\d+(?:\.\d+){1,2})(rc|beta)(\d+)(?:-.*)?$/;
const NAMED = /^go(\d+(?:\.\d+){0,2})(?:-.*)?$/;

export const goOrder = semanticOrder((version) => {
  const candidate = TOOLCHAIN.exec(version);
  if (candidate !== null) {
    const [, numbers = '', word = '', count = ''] = candidate;
    return `${numbers}${numbers.split('.').length === 2 ? '.0' : ''}-${word}.${count}`;
  }
  return NAMED.exec(version)?.[1] ?? version.replace(/^[vV]/, '');
});
