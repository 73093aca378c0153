// Stand-in for github/codeql-action/upload-sarif.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { call } from '../kit/api.mjs';
import { input, main, output } from '../kit/io.mjs';

await main(async () => {
  const path = resolve(process.env.GITHUB_WORKSPACE ?? '.', input('sarif_file', { required: true }));
  const files = statSync(path).isDirectory()
    ? readdirSync(path)
        .filter((name) => name.endsWith('.sarif'))
        .map((name) => join(path, name))
    : [path];
  if (files.length === 0) throw new Error(`No SARIF files found to upload in "${path}"`);
  for (const file of files) {
    const text = readFileSync(file, 'utf8');
    if (JSON.parse(text).version !== '2.1.0') throw new Error(`${file}: is no SARIF 2.1.0`);
    const answer = await call(
      'POST',
      `/repos/${process.env.GITHUB_REPOSITORY}/code-scanning/sarifs`,
      input('token', { required: true }),
      {
        commit_sha: input('sha') || process.env.GITHUB_SHA,
        ref: input('ref') || process.env.GITHUB_REF,
        sarif: gzipSync(text).toString('base64'),
      },
    );
    console.log(`lab: ${file} uploaded as ${answer?.id}`);
    output('sarif-id', answer?.id ?? '');
  }
});
