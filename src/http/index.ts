/** HTTP with an origin policy. */
export { type Http, type HttpRequest, type HttpResponse, openHttp } from './client.ts';
export { HttpError, type HttpErrorKind } from './error.ts';
export type { AnswerHeaders } from './headers.ts';
export { checkUrl, isForbiddenAddress, isLoopbackHost, type OriginPolicy } from './policy.ts';
export { type Advice, type Outcome, type RetryOptions, retryAfter, withRetry } from './retry.ts';
