/** What to do about a finding, in a few words. Plain text; the writers escape it. */
import { rangeAdvice } from '../policy/range-advice.ts';
import type { Finding } from '../types.ts';

const EXCLUDE =
  'It allows malicious versions: exclude them at once and treat the machines that installed one as compromised.';

export function adviceOf(f: Finding): string {
  if (f.malicious && f.version === undefined) return `${EXCLUDE} ${rangeAdvice(f)}`;
  if (f.malicious) return 'Remove this version at once and treat the machines that installed it as compromised.';
  if (f.version === undefined) return rangeAdvice(f);
  if (f.fixed === undefined) return 'No fixed version is known.';
  const [root] = f.way;
  const parent = f.way.length > 1 && root !== undefined ? `, or raise ${root}` : '';
  const change = changeOf(f, f.fixed);
  return `Fixed in ${f.fixed}${change === undefined ? '' : `: ${change}`}${parent}.`;
}

/** Nobody shall paste a package name into a shell that is more than a name. */
const PLAIN = /^[A-Za-z0-9@][A-Za-z0-9@._:/+~-]{0,200}$/;

/** The command, or the text for the line, that raises the package itself. */
function changeOf({ eco, package: name, file, direct }: Finding, fixed: string): string | undefined {
  if (!PLAIN.test(name) || !PLAIN.test(fixed)) return undefined;
  const base = file.slice(file.lastIndexOf('/') + 1);
  switch (eco) {
    case 'PyPI':
      return python(base, name, fixed);
    case 'npm':
      return javascript(base, name, fixed, direct === true);
    case 'Go':
      return name === 'stdlib' ? undefined : `go get ${name}@v${fixed.replace(/^v/, '')}`;
    case 'crates.io':
      return `cargo update -p ${name} --precise ${fixed}`;
    case 'RubyGems':
      return `bundle update --conservative ${name}`;
    case 'Packagist':
      return `composer update ${name} --with-dependencies`;
    case 'NuGet':
      return `dotnet add package ${name} --version ${fixed}`;
    case 'Maven':
      return `ask for ${name}:${fixed}`;
  }
}

function python(file: string, name: string, fixed: string): string {
  if (file === 'poetry.lock') return `poetry update ${name}`;
  if (file === 'uv.lock') return `uv lock --upgrade-package ${name}==${fixed}`;
  if (file === 'Pipfile.lock') return `pipenv upgrade ${name}==${fixed}`;
  return file.startsWith('pylock.') ? `lock ${name}==${fixed}` : `write ${name}==${fixed} in this line`;
}

function javascript(file: string, name: string, fixed: string, direct: boolean): string {
  if (file === 'pnpm-lock.yaml') return `pnpm update ${name}${direct ? `@${fixed}` : ' --depth Infinity'}`;
  if (file === 'yarn.lock') return direct ? `yarn add ${name}@${fixed}` : `yarn up -R ${name}`;
  return direct ? `npm install ${name}@${fixed}` : `npm update ${name}`;
}
