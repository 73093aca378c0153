// At the end of the job the token is given back.
import { call } from '../kit/api.mjs';
import { input, main, warning } from '../kit/io.mjs';

await main(async () => {
  const token = process.env.STATE_token ?? '';
  if (token === '') return;
  try {
    await call('DELETE', '/installation/token', token, undefined, input('github-api-url'));
    console.log('Token revoked');
  } catch (error) {
    // It ends by itself after an hour; the job's result is not about this.
    warning(`Token revocation failed: ${error.message}`);
  }
});
