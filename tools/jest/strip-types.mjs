// Jest transform: erases TypeScript types with Node's own stripper, so that tests run the very source Node runs.
import { createHash } from 'node:crypto';
import { stripTypeScriptTypes } from 'node:module';

export default {
  process(source) {
    return { code: stripTypeScriptTypes(source, { mode: 'strip' }) };
  },
  getCacheKey(source, path, { configString }) {
    return createHash('sha256').update([process.version, configString, path, source].join('\0')).digest('hex');
  },
};
