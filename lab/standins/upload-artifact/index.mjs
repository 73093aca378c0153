// Stand-in for actions/upload-artifact: an artifact is a folder below LAB_ARTIFACTS.
import { createHash, randomUUID } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { flag, input, lines, main, output, warning } from '../kit/io.mjs';
import { collect, relativeTo } from '../kit/tree.mjs';

await main(async () => {
  const store = process.env.LAB_ARTIFACTS;
  if (!store) throw new Error('LAB_ARTIFACTS is not set: this stand-in runs in the lab runner only');
  const name = input('name') || 'artifact';
  if (/["<>|*?:\r\n\\/]/.test(name))
    throw new Error(`The artifact name is not valid: ${name}: no " : < > | * ? \\ / or line breaks`);
  const missing = input('if-no-files-found') || 'warn';
  if (!['warn', 'error', 'ignore'].includes(missing))
    throw new Error(`if-no-files-found: "${missing}" is not warn, error or ignore`);
  const paths = lines('path');
  if (paths.length === 0) throw new Error('Input required and not supplied: path');

  const { files, root } = collect(paths, { hidden: flag('include-hidden-files', false) });
  if (files.length === 0) {
    const text = `No files were found with the provided path: ${paths.join(' ')}. No artifacts will be uploaded.`;
    if (missing === 'error') throw new Error(text);
    if (missing === 'warn') warning(text);
    else console.log(text);
    return;
  }
  const folder = join(store, name);
  const overwrite = flag('overwrite', false);
  if (existsSync(folder) && !overwrite) {
    throw new Error(`an artifact with the name ${name} already exists on this run: set overwrite or use another name`);
  }
  // Filled aside and moved into place, so that nobody reads half an artifact.
  const draft = join(store, `.${randomUUID()}`);
  const digest = createHash('sha256');
  for (const file of files) {
    const path = relativeTo(root, file);
    mkdirSync(dirname(join(draft, path)), { recursive: true });
    copyFileSync(file, join(draft, path));
    digest.update(`${path}\0`).update(createHash('sha256').update(readFileSync(file)).digest());
  }
  if (overwrite) rmSync(folder, { recursive: true, force: true });
  renameSync(draft, folder);
  const sha256 = digest.digest('hex');
  console.log(`lab: ${files.length} files kept as artifact ${name}`);
  output('artifact-id', String(Number.parseInt(sha256.slice(0, 8), 16)));
  output('artifact-url', pathToFileURL(folder).href);
  output('artifact-digest', sha256);
});
