/** Paths of the inputs, checked against the workspace. */
import { readFile, realpath, stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import type { BuildInputs } from './inputs.ts';

export interface BuildFiles {
  /** Absolute, real. */
  context: string;
  /** Relative to the workspace, for messages. */
  dockerfile: string;
  dockerfileBytes: Buffer;
  /** Content of the ignore file that is in force; '' when there is none. */
  ignoreText: string;
  ignoreName: string;
  /** The ignore file is the Dockerfile's own, `<file>.dockerignore`. */
  ownIgnoreFile: boolean;
}

const MAX_DOCKERFILE = 1024 * 1024;

/** @throws ActionError E_PATH_ESCAPE, E_PATH_MISSING, E_DOCKERFILE, E_INPUT (Git and HTTP contexts) */
export async function openFiles(inputs: BuildInputs): Promise<BuildFiles> {
  if (/^(https?|git|ssh):|^git@|\.git(#|$)/.test(inputs.context)) {
    throw new ActionError('E_INPUT', {
      what: 'input context',
      why: 'Git and HTTP contexts lose generated files and ignore files',
      fix: 'Check the repository out first and name a folder',
    });
  }
  const root = await realpath(inputs.workspace).catch(() => missing('workspace', inputs.workspace));
  const context = await inside(root, inputs.context, 'input context');
  if (!(await stat(context)).isDirectory()) missing('input context', inputs.context);
  const file = await dockerfilePath(root, context, inputs.file);
  const facts = await stat(file);
  const name = relative(root, file);
  if (!facts.isFile() || facts.size > MAX_DOCKERFILE) {
    const fix = 'Name a Dockerfile of at most 1 MiB';
    throw new ActionError('E_DOCKERFILE', { what: name, why: 'it is no regular file, or too large', fix });
  }
  const candidates = [`${file}.dockerignore`, join(context, '.dockerignore'), join(context, '.containerignore')];
  for (const [index, candidate] of candidates.entries()) {
    const text = await readFile(candidate, 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    const ownIgnoreFile = index !== 1;
    return {
      context,
      dockerfile: name,
      dockerfileBytes: await readFile(file),
      ignoreText: text,
      ignoreName: relative(root, candidate),
      ownIgnoreFile,
    };
  }
  const dockerfileBytes = await readFile(file);
  return { context, dockerfile: name, dockerfileBytes, ignoreText: '', ignoreName: '', ownIgnoreFile: false };
}

async function dockerfilePath(root: string, context: string, input: string): Promise<string> {
  if (input !== '') return inside(root, input, 'input file');
  for (const name of ['Dockerfile', 'Containerfile']) {
    const path = join(context, name);
    if ((await stat(path).catch(() => undefined))?.isFile()) return inside(root, path, 'Dockerfile');
  }
  return missing('Dockerfile', join(relative(root, context), 'Dockerfile'));
}

/** The real path, when it lies below the root. @throws ActionError E_PATH_ESCAPE, E_PATH_MISSING */
export async function inside(root: string, path: string, what: string): Promise<string> {
  const real = await realpath(resolve(root, path)).catch(() => missing(what, path));
  if (real !== root && !real.startsWith(root + sep)) {
    throw new ActionError('E_PATH_ESCAPE', {
      what: `${what} ${oneLine(path, 200)}`,
      why: 'it leads out of the workspace',
      fix: 'Name a path below GITHUB_WORKSPACE',
    });
  }
  return real;
}

function missing(what: string, path: string): never {
  throw new ActionError('E_PATH_MISSING', {
    what: `${what} ${oneLine(path, 200)}`,
    why: 'it does not exist',
    fix: 'Correct the path; it is relative to the workspace, and the repository must be checked out',
  });
}
