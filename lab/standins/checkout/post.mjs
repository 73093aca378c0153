// At the end of the job the token leaves the local Git config.
import { existsSync } from 'node:fs';
import { main } from '../kit/io.mjs';
import { git } from './git.mjs';

await main(async () => {
  const { STATE_folder: folder, STATE_server: server } = process.env;
  if (!folder || !existsSync(`${folder}/.git`)) return;
  try {
    git(folder, ['config', '--local', '--unset-all', `http.${server}/.extraheader`]);
  } catch {
    // A step of the job has removed it already.
  }
});
