import { evaluateToken, isRecord, type Scope, toText } from './evaluate.ts';
import type { TemplateToken } from './grammar.ts';

/** Name of a concurrency group. Recorded only: this runner has one run at a time. */
export function concurrencyGroup(token: TemplateToken, scope: Scope): string {
  const value = evaluateToken(token, scope);
  return toText(isRecord(value) ? value.group : value);
}
