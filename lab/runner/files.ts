/** The files through which a step talks to the runner: GITHUB_OUTPUT, _ENV, _STATE (name=value or heredoc), _PATH, _STEP_SUMMARY. */
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const SUMMARY_LIMIT = 1024 * 1024;
const NAMES = ['output', 'env', 'path', 'state', 'step_summary'] as const;
type Name = (typeof NAMES)[number];

export interface CommandFiles {
  /** GITHUB_OUTPUT=… and the four others. */
  env: Readonly<Record<string, string>>;
  /** Paths as the github context has them: output, env, path, state, step_summary. */
  paths: Readonly<Record<Name, string>>;
  read(): Promise<FileEffects>;
  remove(): Promise<void>;
}

interface FileEffects {
  outputs: Map<string, string>;
  env: Map<string, string>;
  state: Map<string, string>;
  path: string[];
  summary: string;
  /** Each of these fails the step. */
  errors: string[];
  /** Each of these is an error on the step that does not fail it. */
  complaints: string[];
}

/** Makes five empty files for one step. @param id makes the names unique in the folder */
export async function commandFiles(folder: string, id: string): Promise<CommandFiles> {
  await mkdir(folder, { recursive: true });
  const paths = Object.fromEntries(NAMES.map((name) => [name, join(folder, `${name}_${id}`)])) as Record<Name, string>;
  for (const path of Object.values(paths)) await writeFile(path, '');
  return {
    env: Object.fromEntries(NAMES.map((name) => [`GITHUB_${name.toUpperCase()}`, paths[name]])),
    paths,
    read: () => readEffects(paths),
    remove: async () => {
      for (const path of Object.values(paths)) await rm(path, { force: true });
    },
  };
}

async function readEffects(paths: Readonly<Record<Name, string>>): Promise<FileEffects> {
  const errors: string[] = [];
  const complaints: string[] = [];
  const assignments = async (name: Name): Promise<Map<string, string>> => {
    try {
      return new Map(parseAssignments(await text(paths[name])));
    } catch (error) {
      errors.push(`Unable to process file command '${name}' successfully: ${(error as Error).message}`);
      return new Map();
    }
  };
  const env = await assignments('env');
  for (const name of env.keys()) {
    // It would run code of the step inside every later Node process of the job.
    if (name.toUpperCase() === 'NODE_OPTIONS') {
      errors.push(`Can't store NODE_OPTIONS output parameter using '$GITHUB_ENV' command`);
      env.delete(name);
    }
  }
  return {
    outputs: await assignments('output'),
    env,
    state: await assignments('state'),
    path: (await text(paths.path)).split(/\r?\n/).filter((line) => line !== ''),
    summary: await summary(paths.step_summary, complaints),
    errors,
    complaints,
  };
}

async function summary(path: string, complaints: string[]): Promise<string> {
  const size = await stat(path).then(
    (s) => s.size,
    () => 0,
  );
  if (size <= SUMMARY_LIMIT) return text(path);
  complaints.push(
    `$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of ${SUMMARY_LIMIT / 1024}k, got ${Math.floor(size / 1024)}k`,
  );
  return '';
}

/** A step may delete the file: then it says nothing. */
async function text(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return '';
    throw error;
  }
}

/** `name=value` lines and `name<<DELIMITER` blocks, in order. Throws on any other line. */
export function parseAssignments(content: string): [string, string][] {
  const found: [string, string][] = [];
  const lines = content.replace(/^\uFEFF/, '').split('\n');
  for (let i = 0; i < lines.length; i += 1) {
    const line = (lines[i] ?? '').replace(/\r$/, '');
    if (line === '') continue;
    const equals = line.indexOf('=');
    const heredoc = line.indexOf('<<');
    if (equals > 0 && (heredoc < 0 || equals < heredoc)) {
      found.push([line.slice(0, equals), line.slice(equals + 1)]);
      continue;
    }
    const delimiter = line.slice(heredoc + 2);
    if (heredoc <= 0 || delimiter === '') throw new Error(`Invalid format '${line}'`);
    const end = lines.findIndex((other, at) => at > i && other.replace(/\r$/, '') === delimiter);
    if (end < 0) throw new Error(`Invalid value. Matching delimiter not found '${delimiter}'`);
    found.push([line.slice(0, heredoc), lines.slice(i + 1, end).join('\n')]);
    i = end;
  }
  return found;
}
