/** `run:` to a program and its arguments, with the templates of GitHub's runner. */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const TEMPLATES: Readonly<Record<string, string>> = {
  bash: 'bash --noprofile --norc -eo pipefail {0}',
  sh: 'sh -e {0}',
  python: 'python {0}',
  node: 'node {0}',
};
/** When the file names no shell: without pipefail. */
const UNNAMED = 'bash -e {0}';
const EXTENSIONS: Readonly<Record<string, string>> = { python: '.py', node: '.mjs' };

export interface Command {
  file: string;
  args: string[];
}

/** Writes the script and says how to run it. @param shell as written, or undefined */
export async function shellCommand(
  script: string,
  shell: string | undefined,
  folder: string,
  id: string,
): Promise<Command> {
  const template = shell === undefined || shell === '' ? UNNAMED : (TEMPLATES[shell] ?? shell);
  if (!template.includes('{0}')) {
    throw new Error(`shell "${template}" is not known: use ${Object.keys(TEMPLATES).join(', ')} or a command with {0}`);
  }
  const path = join(folder, `script-${id}${EXTENSIONS[shell ?? ''] ?? '.sh'}`);
  await writeFile(path, script.endsWith('\n') ? script : `${script}\n`);
  await chmod(path, 0o755);
  const [file = '', ...args] = template.split(/\s+/).map((word) => word.replaceAll('{0}', path));
  return { file, args };
}
