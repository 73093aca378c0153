import type { Answer, OsvRecord, PackageKey } from '../types.ts';

/** Where advisories come from. */
export interface AdvisorySource {
  readonly kind: 'api' | 'database';
  /** Shown in reports. */
  readonly url: string;
  /** One answer a key, in order. Rejects only when the run is cancelled. */
  lookup(keys: readonly PackageKey[]): Promise<Answer[]>;
  /**
   * Records known under these ids, for scores that the matched records lack. What is not known is left out; so is what
   * could not be asked, since a missing score is judged by `unknown-severity` and never passes for low.
   */
  byIds(ids: readonly string[]): Promise<Map<string, OsvRecord>>;
  /** Date of the newest record, ISO; undefined for a live API. */
  freshness(): string | undefined;
}
