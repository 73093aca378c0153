/**
 * A production that is worked out and not run: whatever the values file at the head of the config repository asks for gets its
 * share of the requests, and a Prometheus tells of it. Its clock stands still between two questions and leaps at each, so that
 * nothing depends on how fast a machine is.
 */
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { load } from 'js-yaml';
import { evaluate, QueryError } from '../../../lab/metrics/query.ts';
import { Store } from '../../../lab/metrics/store.ts';

/** Rules of a service that is judged within seconds of its own clock, which leaps between a commit and the first look. */
export const RULES = `version: 1
interval: 1s
lag: 1s
warmup: 0s
settle: 4m
baseline: 10m
metrics:
  - { name: errors, kind: ratio, events: 'http_requests_total{code="500"}', total: http_requests_total, slo: 0.05 }
steps:
  - { weight: 10, min: 4s, max: 2m }
  - { weight: 100, min: 4s, max: 2m }
`;

interface Image {
  tag: string;
  digest: string;
}
export interface Values {
  image?: Image;
  canary?: { image: Image; weight: number };
  blueGreen?: { active: 'blue' | 'green'; blue: { image: Image }; green: { image: Image } };
}

/** Pods of one version in one place, and their requests a second. */
export interface Arm {
  labels: Readonly<Record<string, string>>;
  digest: string;
  /** Of 100. */
  share: number;
}

/** Share of an arm's requests that fail. */
export type Fault = (arm: Arm) => number;

export interface Production extends AsyncDisposable {
  /** Address of its Prometheus. */
  url: string;
  /** The one that is deployed from now on. @param arms what runs; default: as the chart renders it without a Rollout */
  deploy(gitDir: string, fault: Fault, arms?: (values: Values) => Arm[]): void;
}

const RATE = 40;
const LEAP = 60;
const BEFORE = 1200;

export async function startProduction(): Promise<Production> {
  let store = new Store();
  let now = 0;
  let deployed: { gitDir: string; fault: Fault; arms: (values: Values) => Arm[] } | undefined;
  let counters = new Map<string, number>();

  function wanted(): Arm[] {
    if (deployed === undefined) return [];
    const git = ['--git-dir', deployed.gitDir, 'show', 'main:env/values.yaml'];
    return deployed.arms(load(execFileSync('git', git, { encoding: 'utf8' })) as Values);
  }

  function pass(seconds: number): void {
    const arms = wanted();
    for (let i = 0; i < seconds; i += 1) {
      now += 1;
      for (const arm of arms) {
        const failed = (RATE * arm.share * (deployed?.fault(arm) ?? 0)) / 100;
        count(arm, '500', failed);
        count(arm, '200', (RATE * arm.share) / 100 - failed);
      }
    }
  }

  function count({ labels, digest }: Arm, code: string, requests: number): void {
    const all = { ...labels, pod: `${Object.values(labels).join('-')}-${digest.slice(7, 11)}`, code };
    const key = JSON.stringify(all);
    const total = (counters.get(key) ?? 0) + requests;
    counters.set(key, total);
    store.append('http_requests_total', all, now, Math.floor(total + 1e-6));
  }

  const server = createServer(async (req, res) => {
    let text = '';
    for await (const part of req) text += part;
    const form = new URLSearchParams(text);
    const query = form.get('query') ?? '';
    try {
      if (query === 'time()') pass(LEAP);
      const data = evaluate(store, query, Number(form.get('time') ?? now));
      res.end(JSON.stringify({ status: 'success', data }));
    } catch (error) {
      const told = error instanceof QueryError ? 422 : 500;
      res.writeHead(told).end(JSON.stringify({ status: 'error', errorType: 'execution', error: String(error) }));
    }
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    deploy(gitDir, fault, arms = armsOf) {
      store = new Store();
      counters = new Map();
      now = 1_700_000_000;
      deployed = { gitDir, fault, arms };
      pass(BEFORE);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

/** What runs, as the chart renders it. */
function armsOf({ image, canary, blueGreen }: Values): Arm[] {
  const of = (labels: Record<string, string>, { tag, digest }: Image, share: number): Arm[] =>
    digest === ''
      ? []
      : [{ labels: { app: 'app', ...labels, app_kubernetes_io_version: tag || 'unknown' }, digest, share }];
  if (blueGreen !== undefined) {
    // A preview has requests of those who try it.
    return (['blue', 'green'] as const).flatMap((slot) =>
      of({ slot }, blueGreen[slot].image, slot === blueGreen.active ? 100 : 20),
    );
  }
  if (image === undefined) return [];
  const weight = canary !== undefined && canary.image.digest !== '' ? canary.weight : 0;
  return [
    ...of({ track: 'stable' }, image, 100 - weight),
    ...(canary === undefined || weight === 0 ? [] : of({ track: 'canary' }, canary.image, weight)),
  ];
}
