/** Labels for the legacy builder of docker, which makes a step, with a container and a commit, of every --label. */

type Labels = readonly (readonly [string, string])[];

/**
 * The Dockerfile with one LABEL instruction at its end; the lines before it stay where they are. Pure.
 * @returns undefined where that could go wrong: another escape character, an open instruction at the end, a value of several lines
 */
export function withLabels(dockerfile: string, labels: Labels): string | undefined {
  if (/^\s*#\s*escape\s*=/im.test(dockerfile)) return undefined;
  // Blank lines and comments do not end an instruction that goes on.
  const last = dockerfile.split('\n').findLast((line) => !/^\s*(#.*)?$/.test(line));
  if (last === undefined || last.trimEnd().endsWith('\\')) return undefined;
  if (labels.some((pair) => pair.some((text) => /[\x00-\x1f\x7f]/.test(text)))) return undefined;
  return `${dockerfile}\nLABEL ${labels.map((pair) => pair.map(quoted).join('=')).join(' ')}\n`;
}

// A dollar sign would be expanded.
function quoted(text: string): string {
  return `"${text.replace(/[\\"$]/g, '\\$&')}"`;
}
