/**
 * The source of advisories that the inputs ask for. What only one of them needs is evaluated when it is needed: the HTTP
 * client alone is a third of what a scan of a folder would load. "eager": it lies in the one file of the bundle.
 */
import { resolve } from 'node:path';
import type { Http } from '../../http/index.ts';
import { type Clock, type Deadline, systemClock } from '../../runner/index.ts';
import type { ScanInputs } from '../inputs.ts';
import type { AdvisorySource } from './source.ts';

export interface Places {
  /** The workspace. */
  root: string;
  temp: string;
  /** Keeps indexes from run to run. */
  cache: string;
}

/** @returns the source and what ends its connections */
export async function openSource(
  { database, osvUrl, maxDatabaseAge: maxAge }: ScanInputs,
  { root, temp, cache }: Places,
  deadline: Deadline,
): Promise<{ source: AdvisorySource; close(): Promise<void> }> {
  if (database === undefined) {
    const { apiSource } = await import(/* webpackMode: "eager" */ './api.ts');
    const network = await openNetwork(deadline);
    return { source: apiSource(osvUrl, network), close: () => network.http.close() };
  }
  const { databaseSource } = await import(/* webpackMode: "eager" */ './database.ts');
  const common = { maxAge, clock: systemClock, deadline, cache };
  if (typeof database === 'string') {
    const folder = resolve(root, database);
    return { source: databaseSource({ folder, ...common }), close: async () => {} };
  }
  const { http, random } = await openNetwork(deadline);
  const remote = { base: database, http, random, temp };
  const source = databaseSource({ folder: database.href, ...common, remote });
  return { source, close: () => http.close() };
}

interface Network {
  http: Http;
  clock: Clock;
  random: () => number;
  deadline: Deadline;
}

async function openNetwork(deadline: Deadline): Promise<Network> {
  const { openHttp } = await import(/* webpackMode: "eager" */ '../../http/index.ts');
  return { http: openHttp(), clock: systemClock, random: Math.random, deadline };
}
