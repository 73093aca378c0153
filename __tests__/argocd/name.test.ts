import { expect, test } from '@jest/globals';
import { formatApplicationName, parseApplicationName } from '../../src/argocd/index.ts';

test.each([
  ['web', { name: 'web', namespace: '', project: '' }],
  ['team-a/web.v2', { name: 'web.v2', namespace: 'team-a', project: '' }],
  ['shop/team-a/web', { name: 'web', namespace: 'team-a', project: 'shop' }],
])('%s is read and written back', (text, wanted) => {
  const name = parseApplicationName(text);
  expect(name).toEqual(wanted);
  expect(name && formatApplicationName(name)).toBe(text);
});

test.each([
  '',
  '/',
  'web/',
  '/web',
  'a/b/c/d',
  'Web',
  'web?refresh=hard',
  '..',
  '../x',
  'a b',
  'wéb',
  '-web',
  'a.b/web',
  `${'a'.repeat(254)}`,
])('refuses "%s"', (text) => expect(parseApplicationName(text)).toBeUndefined());
