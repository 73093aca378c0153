/** yarn.lock: two formats under one name. Only the newer one tells its version in an entry of its own. */
import type { Extractor } from './context.ts';
import { extractYarnBerry } from './yarn-berry.ts';
import { extractYarnClassic } from './yarn-classic.ts';

export const extractYarnLock: Extractor = (text, file, ctx) =>
  (/^__metadata:/m.test(text) ? extractYarnBerry : extractYarnClassic)(text, file, ctx);
