/** npm: semver 2; a leading `v` or `=` is allowed, as npm itself cleans versions. https://docs.npmjs.com/cli/configuring-npm/package-json#version */
import { semanticOrder } from './semver.ts';

export const npmOrder = semanticOrder((version) => version.replace(/^[vV=]\s*/, ''));
