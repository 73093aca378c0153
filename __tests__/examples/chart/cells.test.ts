import { beforeAll, describe, expect, test } from '@jest/globals';
import { typeCheck, validate } from './models.ts';
import { CANARY, delivered, type HelmResult, lint, type Manifest, render, STABLE, slots } from './support.ts';

interface Cell {
  name: string;
  environment: string;
  sets: string[];
}

const AUTOSCALING = ['master.autoscaling.enabled=true', 'worker.autoscaling.enabled=true'];

const STRATEGIES: readonly { name: string; sets: readonly string[] }[] = [
  { name: 'canary by the gateway', sets: ['strategy=canary', 'router=gateway'] },
  { name: 'canary by rollouts', sets: ['strategy=canary', 'router=rollouts'] },
  { name: 'blueGreen', sets: slots('green', { blue: STABLE, green: CANARY }) },
  { name: 'rolling', sets: ['strategy=rolling'] },
  { name: 'recreate', sets: ['strategy=recreate'] },
];

// strategies x routers x environments x autoscaler on/off x weights
const CELLS: readonly Cell[] = STRATEGIES.flatMap((strategy) =>
  ['staging', 'production'].flatMap((environment) =>
    [false, true].flatMap((autoscaling) =>
      [0, 5, 100].map((weight) => ({
        name: `${strategy.name}, ${environment}, autoscaler ${autoscaling ? 'on' : 'off'}, weight ${weight}`,
        environment,
        sets: [...strategy.sets, ...delivered(weight), ...(autoscaling ? AUTOSCALING : [])],
      })),
    ),
  ),
);

let rendered: HelmResult[] = [];
let distinct: Manifest[] = [];

beforeAll(async () => {
  for (let index = 0; index < CELLS.length; index += 2) {
    const pair = CELLS.slice(index, index + 2);
    rendered = [...rendered, ...(await Promise.all(pair.map((cell) => render(cell.environment, cell.sets))))];
  }
  const texts = new Set(rendered.flatMap((result) => result.manifests.map((manifest) => JSON.stringify(manifest))));
  distinct = [...texts].map((text) => JSON.parse(text) as Manifest);
});

describe('every cell of the chart', () => {
  test.each(CELLS.map((cell, index) => [cell.name, index] as const))(
    '%s renders valid manifests',
    async (_name, index) => {
      const result = rendered[index];
      expect(result?.stderr).toBe('');
      expect(result?.code).toBe(0);
      for (const manifest of result?.manifests ?? []) await validate(manifest);
      const names = result?.manifests.map((manifest) => `${manifest.kind}/${manifest.metadata.name}`) ?? [];
      expect(new Set(names).size).toBe(names.length);
      expect(names.length).toBeGreaterThan(8);
    },
  );

  test.each(['staging', 'production'])('%s lints', async (environment) => {
    const result = await lint(environment, delivered(5));
    expect(`${result.stdout}${result.stderr}`).toContain('0 chart(s) failed');
    expect(result.code).toBe(0);
  });

  test('no manifest has a key that Kubernetes does not know', async () => {
    expect(distinct.length).toBeGreaterThan(30);
    const wrong = await typeCheck(distinct);
    expect(wrong.filter((text) => text !== '')).toEqual([]);
  });

  test('a misspelt key fails the check, wherever it stands', async () => {
    const mutants = distinct.flatMap((manifest) => {
      const places = keyPaths(manifest);
      // Spread over the manifest by its own size: the same choice in every run.
      return [
        places[Math.floor(places.length / 3)],
        places[Math.floor((places.length * 2) / 3)],
        places.at(-1),
      ].flatMap((place) => (place === undefined ? [] : [{ place, manifest: misspell(manifest, place) }]));
    });
    const seen = new Map(mutants.map((mutant) => [`${mutant.manifest.kind} ${mutant.place.join('.')}`, mutant]));
    expect(seen.size).toBeGreaterThanOrEqual(20);
    const complaints = await typeCheck([...seen.values()].map((mutant) => mutant.manifest));
    expect([...seen.keys()].filter((_, index) => complaints[index] === '')).toEqual([]);
  });
});

/** Maps whose keys are free text: no schema can know them. */
const FREE = new Set(['labels', 'annotations', 'matchLabels', 'selector', 'data', 'limits', 'requests', 'plugins']);

function keyPaths(value: unknown, parents: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) => {
    const here = [...parents, key];
    const own = Array.isArray(value) || parents.length === 0 ? [] : [here];
    // A selector of a Service is free text, one of a NetworkPolicy or Deployment has matchLabels in it.
    const free = FREE.has(key) && !(key === 'selector' && Object.hasOwn(child as object, 'matchLabels'));
    return free ? own : [...own, ...keyPaths(child, here)];
  });
}

function misspell(manifest: Manifest, place: readonly string[]): Manifest {
  const copy = structuredClone(manifest);
  const parents = place.slice(0, -1);
  const key = place.at(-1) ?? '';
  let here: Record<string, unknown> = copy;
  for (const parent of parents) here = here[parent] as Record<string, unknown>;
  here[`${key}x`] = here[key];
  delete here[key];
  return copy;
}
