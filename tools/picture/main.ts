/** npm run picture [-- --check]: docs/delivery.svg, the drawing of ARCHITECTURE.md. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { drawPicture } from './picture.ts';

const path = join(import.meta.dirname, '../../docs/delivery.svg');
const picture = drawPicture();
if (!process.argv.includes('--check')) {
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, picture);
} else if ((await readFile(path, 'utf8').catch(() => '')) !== picture) {
  console.error('docs/delivery.svg is out of date. Run "npm run picture" and commit the result.');
  process.exitCode = 1;
}
