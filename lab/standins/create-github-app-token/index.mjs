// Stand-in for actions/create-github-app-token: signs the JWT and asks the forge, as the real one does.
import { createSign } from 'node:crypto';
import { call } from '../kit/api.mjs';
import { flag, input, main, mask, output, saveState } from '../kit/io.mjs';

await main(async () => {
  const appId = input('app-id') || input('client-id');
  if (appId === '') throw new Error('Input required and not supplied: app-id');
  const api = input('github-api-url', { required: true });
  const jwt = signJwt(appId, input('private-key', { required: true }).replaceAll('\\n', '\n'));
  mask(jwt);

  const [thisOwner, thisName] = (process.env.GITHUB_REPOSITORY ?? '/').split('/');
  const owner = input('owner') || thisOwner;
  const repositories = input('repositories')
    .split(/[,\n]/)
    .map((name) => name.trim().split('/').at(-1))
    .filter((name) => name !== '');
  // Neither given: the repository of the run. Only an owner: all of its installation.
  if (repositories.length === 0 && input('owner') === '') repositories.push(thisName);
  const permissions = Object.fromEntries(
    Object.entries(process.env)
      .filter(([name, value]) => name.startsWith('INPUT_PERMISSION-') && value !== '')
      .map(([name, value]) => [name.slice('INPUT_PERMISSION-'.length).toLowerCase().replaceAll('-', '_'), value]),
  );
  const found =
    repositories.length > 0
      ? await call('GET', `/repos/${owner}/${repositories[0]}/installation`, jwt, undefined, api)
      : await call('GET', `/users/${owner}/installation`, jwt, undefined, api);
  const answer = await call(
    'POST',
    `/app/installations/${found.id}/access_tokens`,
    jwt,
    {
      ...(repositories.length > 0 && { repositories }),
      ...(Object.keys(permissions).length > 0 && { permissions }),
    },
    api,
  );
  mask(answer.token);
  output('token', answer.token);
  output('installation-id', String(found.id));
  output('app-slug', found.app_slug ?? '');
  if (!flag('skip-token-revoke', false)) saveState('token', answer.token);
});

function signJwt(issuer, key) {
  const now = Math.floor(Date.now() / 1000);
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  // Issued a minute ago: the forge's clock may be behind.
  const text = `${part({ alg: 'RS256', typ: 'JWT' })}.${part({ iat: now - 60, exp: now + 540, iss: issuer })}`;
  try {
    return `${text}.${createSign('RSA-SHA256').update(text).sign(key).toString('base64url')}`;
  } catch {
    throw new Error('private-key: is no PEM private key');
  }
}
