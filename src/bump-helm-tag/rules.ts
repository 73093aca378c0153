/** What inputs mean together: every rule between them, all problems told at once. Pure. */
import { isLoopbackHost } from '../http/index.ts';
import type { Env } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import type { Given, NAMES } from './schema.ts';
import { checkWant, type ImageWant } from './target.ts';
import { OWN_KEYS } from './trailers.ts';

export type Report = (input: string, problem: string) => void;
/** The texts as they were given, '' for what was not: defaults are not in here. */
export type Raw = Readonly<Record<(typeof NAMES)[number], string>>;

export function checkRules(raw: Raw, given: Given, env: Env, problem: Report): void {
  checkAccess(raw, given, problem);
  checkSource(raw, given, env, problem);
  checkBack(raw, given, problem);
  checkProposal(given, problem);
  checkChart(given, problem);
  checkArgo(given, problem);
  for (const line of given.trailers) checkTrailer(line, problem);
}

function checkAccess(raw: Raw, given: Given, problem: Report): void {
  const github = given.transport === 'github';
  if (github && given.token === '') problem('token', 'is required with transport: github');
  if (github && raw.author !== '') problem('author', 'is for transport: git; the API signs as the owner of the token');
  if (github && given['ssh-key'] !== '') problem('ssh-key', 'is for transport: git');
  if (given['ssh-key'] !== '' && !given['ssh-key'].startsWith('-----BEGIN '))
    problem('ssh-key', 'is no private key: it begins with -----BEGIN');
  if (given['ssh-key'] !== '' && given.token !== '') problem('ssh-key, token', 'one of them, not both');
  if (given['ssh-key'] !== '' && given['ssh-known-hosts'] === '')
    problem('ssh-known-hosts', 'is required with ssh-key: without it anybody could be the host');
  if (given['ssh-key'] === '' && given['ssh-known-hosts'] !== '') problem('ssh-known-hosts', 'is for ssh-key');
  checkServer('api-url', given['api-url'], problem);
}

function checkServer(input: string, text: string, problem: Report): void {
  if (text === '') return;
  const url = new URL(text);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopbackHost(url.hostname)))
    problem(input, 'is not https');
  if (url.username !== '' || url.password !== '') problem(input, 'holds credentials');
}

function checkSource(raw: Raw, given: Given, env: Env, problem: Report): void {
  if (given['allow-downgrade'] && given.reason === '') problem('reason', 'is required with allow-downgrade');
  if (raw['source-revision'] === '' && env.GITHUB_EVENT_NAME === 'workflow_run') {
    problem(
      'source-revision',
      'is required in a workflow_run event: GITHUB_SHA is not the commit that was built there',
    );
  }
}

function checkBack(raw: Raw, given: Given, problem: Report): void {
  const version = raw.tag !== '' || raw.digest !== '';
  if (given['from-file'] !== '' && version) problem('from-file', 'brings tag and digest with it: leave those out');
  if (given.rollback === '') return;
  if (raw.image !== '' || version) problem('rollback', 'brings the old image back: leave image, tag and digest out');
  if (given['from-file'] !== '') problem('rollback, from-file', 'one of them, not both');
  if (given['chart-file'] !== '') problem('chart-file', 'is not written by a rollback');
  if (given['allow-downgrade'])
    problem('allow-downgrade', 'has no meaning with rollback, which has a guard of its own');
  if (given.rollback === 'previous' && given.file.length === 0 && given.updates.trim() === '')
    problem('rollback', 'previous needs file or updates, to say whose handoff is taken back');
}

function checkProposal(given: Given, problem: Report): void {
  const proposes = given.mode === 'pull-request' || given['on-protected'] === 'pull-request';
  if (proposes && given.transport === 'git') problem('mode, on-protected', 'a pull request needs transport: github');
  if (given['auto-merge'] && !proposes)
    problem('auto-merge', 'is for mode: pull-request or on-protected: pull-request');
  if (proposes && given['argocd-wait'])
    problem('argocd-wait', 'nothing arrives before a pull request is merged: leave it out');
}

function checkChart(given: Given, problem: Report): void {
  if (given['chart-file'] !== '' && !/(^|\/)Chart\.ya?ml$/.test(given['chart-file']))
    problem('chart-file', 'is not a path to Chart.yaml');
  if (given['chart-file'] === '' && given['chart-version'] !== 'none') problem('chart-version', 'needs chart-file');
  if (given.validate !== 'parse' && given.chart === '')
    problem('chart', `is required with validate: ${given.validate}`);
  if (given.validate === 'parse' && (given.chart !== '' || given.values.length > 0))
    problem('chart, values', 'are for validate: schema or helm');
}

function checkArgo(given: Given, problem: Report): void {
  checkServer('argocd-server', given['argocd-server'], problem);
  const server = given['argocd-server'] !== '';
  if (server && given['argocd-token'] === '') problem('argocd-token', 'is required with argocd-server');
  if (server && given['argocd-applications'].length === 0)
    problem('argocd-applications', 'is required with argocd-server');
  if (!server && (given['argocd-token'] !== '' || given['argocd-applications'].length > 0 || given['argocd-wait']))
    problem('argocd-server', 'is required with argocd-token, argocd-applications and argocd-wait');
}

export function readWant(given: Given, problem: Report): ImageWant | undefined {
  const { image, tag, digest } = given;
  if (given['image-form'] === 'tag@digest' && digest === undefined && given['from-file'] === '')
    problem('digest', 'is required with image-form: tag@digest');
  if (image === '' && tag === undefined && digest === undefined) return undefined;
  if (image === '') {
    problem('image', 'is required beside tag or digest');
    return undefined;
  }
  if (tag === undefined && digest === undefined && given['from-file'] === '')
    problem('tag, digest', 'one of them is required beside image');
  const wrong = checkWant({ image, tag, digest });
  if (wrong !== undefined) problem('image, tag, digest', wrong);
  return { image, tag, digest };
}

function checkTrailer(line: string, problem: Report): void {
  const key = /^([A-Za-z][A-Za-z0-9-]{0,60}): \S.{0,900}$/.exec(line)?.[1];
  if (key === undefined) problem('trailers', `"${oneLine(line, 60)}" is not Key: value`);
  else if (OWN_KEYS.some((own) => own.toLowerCase() === key.toLowerCase()))
    problem('trailers', `${key} is written by the action itself`);
}
