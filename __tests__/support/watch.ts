/** Watches what a run of an action shows to others: arguments and environment of what it starts, and where a secret can be read. */
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

export interface Shims {
  /** To be put first on PATH. */
  bin: string;
  /** Arguments of every call, one a line; a call begins with the line `$ program`. */
  argv(): Promise<string>;
  /** Environment of every call, `NAME=value` lines. */
  environment(): Promise<string[]>;
}

/**
 * Programs that write down how they were called and then are the real ones.
 * @param path where the real ones are looked for; one that is not there gets no shim
 * @param trace variables for the real ones; `%argv` in a value is the file of the arguments
 */
export async function installShims(
  dir: string,
  programs: readonly string[],
  path: string,
  trace: Readonly<Record<string, string>> = {},
): Promise<Shims> {
  const bin = join(dir, 'shims');
  await mkdir(bin, { recursive: true });
  const [argv, environment] = [join(dir, 'argv'), join(dir, 'env')];
  const more = Object.entries(trace).map(([name, value]) => `${name}=${quoted(value.replace('%argv', argv))} `);
  for (const program of programs) {
    const real = await find(program, path);
    if (real === undefined) continue;
    // A single write each: calls that run at the same time do not mix.
    const script = [
      '#!/bin/sh',
      `printf '%s\\n' ${quoted(`$ ${program}`)} "$@" >> ${quoted(argv)}`,
      `env >> ${quoted(environment)}`,
      `${more.join('')}exec ${quoted(real)} "$@"`,
    ];
    await writeFile(join(bin, program), `${script.join('\n')}\n`);
    await chmod(join(bin, program), 0o755);
  }
  const read = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');
  return { bin, argv: () => read(argv), environment: async () => (await read(environment)).split('\n') };
}

/** Names of everything below the folders. */
export async function leftIn(...folders: readonly string[]): Promise<string[]> {
  return (await Promise.all(folders.map((folder) => readdir(folder, { recursive: true })))).flat();
}

/** The log without the commands that mask, which alone may show a secret. */
export function withoutMasks(log: string): string {
  return log.replace(/^::add-mask::.*$/gm, '');
}

/** `secret in place`, for each of the secrets that a place shows. */
export function leaksIn(places: Readonly<Record<string, string>>, secrets: Readonly<Record<string, string>>): string[] {
  return Object.entries(places).flatMap(([place, text]) =>
    Object.entries(secrets).flatMap(([name, secret]) => (text.includes(secret) ? [`${name} in ${place}`] : [])),
  );
}

async function find(program: string, path: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter)) {
    if ((await readdir(folder).catch((): string[] => [])).includes(program)) return join(folder, program);
  }
  return undefined;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
