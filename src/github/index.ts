/** GitHub's API, as far as writing one commit needs it. */
export { type GitHubAnswer, type GitHubClient, gitHubClient, graphqlUrl } from './client.ts';
export { type Comparison, compare } from './compare.ts';
export { type ApiOutcome, classify } from './errors.ts';
