/** Where the engine's cache comes from and goes to. Pure. */
import { createHash } from 'node:crypto';
import { ActionError, type Env } from '../runner/index.ts';
import type { CacheKind, Engine } from './engines/port.ts';
import type { Tier } from './event.ts';
import type { BuildInputs } from './inputs.ts';

export interface CachePlan {
  from: readonly string[];
  to: readonly string[];
  noCache: boolean;
  /** The engine needs the variables of the runner's cache service. */
  runtime: boolean;
}

/** What a cache of the runner needs; never handed to an engine otherwise. */
export const CACHE_VARIABLES = [
  'ACTIONS_CACHE_URL',
  'ACTIONS_RESULTS_URL',
  'ACTIONS_RUNTIME_TOKEN',
  'ACTIONS_CACHE_SERVICE_V2',
];

function hasCacheService(env: Env): boolean {
  const url = env.ACTIONS_RESULTS_URL || env.ACTIONS_CACHE_URL;
  return Boolean(url) && Boolean(env.ACTIONS_RUNTIME_TOKEN);
}

/** Legs and images of one repository never overwrite each other. 16 hexadecimal digits. */
function cacheScope(image: string, target: string, platforms: readonly string[]): string {
  const text = `${image}\n${target}\n${[...platforms].sort().join(',')}`;
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** @throws ActionError E_ENGINE_FEATURE, E_INPUT (gha without its service) */
export function planCache(
  inputs: Pick<BuildInputs, 'cache' | 'cacheFrom' | 'cacheTo' | 'target' | 'platforms'>,
  image: string,
  tier: Tier,
  engine: Pick<Engine, 'name' | 'caps'>,
  env: Env,
): CachePlan {
  const { cache, cacheFrom, cacheTo } = inputs;
  const exports = (to: readonly string[]): readonly string[] => (tier === 'pr' ? [] : to);
  const uses = (list: readonly string[]): boolean => list.some((one) => /(^|,)type=gha(,|$)/.test(one));
  if (cacheFrom.length + cacheTo.length > 0) {
    const runtime = uses(cacheFrom) || uses(cacheTo);
    return { from: cacheFrom, to: exports(cacheTo), noCache: cache === 'off', runtime };
  }
  const none = { from: [], to: [], noCache: cache === 'off', runtime: false };
  const kind = chosen(cache, engine, env);
  if (kind === undefined) return none;
  const scope = cacheScope(image, inputs.target, inputs.platforms);
  if (kind === 'gha') {
    const at = `type=gha,scope=${scope},timeout=3m`;
    return { ...none, from: [at], to: exports([`${at},mode=max,ignore-error=true`]), runtime: true };
  }
  // buildah names each step's tag itself, and takes a repository alone.
  if (engine.name.startsWith('buildah')) return { ...none, from: [`${image}/cache`], to: exports([`${image}/cache`]) };
  // As an image: many registries refuse an index whose children are blobs.
  const at = `type=registry,ref=${image}:cache-${scope}`;
  return { ...none, from: [at], to: exports([`${at},mode=max,image-manifest=true,ignore-error=true`]) };
}

function chosen(cache: BuildInputs['cache'], engine: Pick<Engine, 'name' | 'caps'>, env: Env): CacheKind | undefined {
  if (cache === 'auto') return hasCacheService(env) && engine.caps.cache.includes('gha') ? 'gha' : undefined;
  if (cache !== 'gha' && cache !== 'registry') return undefined;
  if (!engine.caps.cache.includes(cache)) {
    throw new ActionError('E_ENGINE_FEATURE', {
      what: `engine ${engine.name}`,
      why: `it cannot export its cache to ${cache}`,
      fix: 'Set cache to local, or give it a container builder (builder: new)',
    });
  }
  if (cache === 'gha' && !hasCacheService(env)) {
    throw new ActionError('E_INPUT', {
      what: 'input cache',
      why: 'gha needs the cache service of a GitHub runner, which is not there',
      fix: 'Set cache to auto, registry or local',
    });
  }
  return cache;
}
