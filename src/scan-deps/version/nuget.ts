/**
 * NuGet: semver 2 with one to four numbers (missing ones are 0, leading zeros do not count) and labels whose case does
 * not matter. https://learn.microsoft.com/nuget/concepts/package-versioning
 */
import { compareNumbers, MAX_VERSION, type Order } from './order.ts';
import { compareLabels } from './semver.ts';

interface NugetVersion {
  numbers: readonly bigint[];
  labels: readonly string[];
}

const VERSION = /^[vV]?(\d+(?:\.\d+){0,3})(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]*)?$/;

export const nugetOrder: Order<NugetVersion> = {
  parse(version) {
    const text = version.trim();
    const match = text.length > MAX_VERSION ? null : VERSION.exec(text);
    if (match === null) return undefined;
    const [, numbers = '', labels] = match;
    return { numbers: numbers.split('.').map(BigInt), labels: labels?.toLowerCase().split('.') ?? [] };
  },
  compare: (a, b) => compareNumbers(a.numbers, b.numbers) || compareLabels(a.labels, b.labels),
};
