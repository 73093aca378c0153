/** Where a chart keeps its values, and reading them. */
import { CORE_SCHEMA, FAILSAFE_SCHEMA, load } from 'js-yaml';
import { ActionError } from '../runner/index.ts';
import { nearest, oneLine } from '../text/index.ts';
import type { CurrentValues, ImageValues, Layout, Router, Slot, Strategy } from './types.ts';

export const DEFAULT_LAYOUT: Layout = {
  image: 'image',
  'canary.image': 'canary.image',
  'canary.weight': 'canary.weight',
  'blueGreen.active': 'blueGreen.active',
  'blueGreen.blue.image': 'blueGreen.blue.image',
  'blueGreen.green.image': 'blueGreen.green.image',
};

/**
 * The `layout` input: a YAML map from our names to the value paths of another chart.
 * @throws ActionError E_INPUT for another form, an unknown name (the nearest known one is named), or a path that is not text
 */
export function parseLayout(text: string): Layout {
  const bad = (why: string): ActionError =>
    new ActionError('E_INPUT', {
      what: 'input layout',
      why,
      fix: `Write lines such as "canary.weight: rollout.weight"; known names are ${Object.keys(DEFAULT_LAYOUT).join(', ')}`,
    });
  if (text.trim() === '') return DEFAULT_LAYOUT;
  let map: unknown;
  try {
    map = load(text, { schema: CORE_SCHEMA });
  } catch (error) {
    throw bad(`it is not YAML (${error instanceof Error ? oneLine(error.message, 200) : 'unreadable'})`);
  }
  if (typeof map !== 'object' || map === null || Array.isArray(map)) throw bad('it is not a map');
  const layout: Record<string, string> = { ...DEFAULT_LAYOUT };
  for (const [name, path] of Object.entries(map)) {
    if (!Object.hasOwn(DEFAULT_LAYOUT, name)) {
      const near = nearest(name, Object.keys(DEFAULT_LAYOUT));
      throw bad(`"${oneLine(name, 60)}" is not known${near === undefined ? '' : `; did you mean "${near}"`}`);
    }
    if (typeof path !== 'string' || !/^[^\s.[\]\\]+(\.[^\s.[\]\\]+)*$/.test(path))
      throw bad(`the path of "${name}" is not keys joined by dots`);
    layout[name] = path;
  }
  return layout as unknown as Layout;
}

/**
 * Reads what the strategy needs from a values file. Every scalar is read as its text: a weight is compared, never computed with.
 * @throws ActionError E_PLAN_FILE (not YAML, or several documents), E_PLAN_LAYOUT (keys of the strategy are missing; all are listed)
 */
export function readCurrent(
  text: string,
  file: string,
  layout: Layout,
  strategy: Strategy,
  router: Router = 'gateway',
): CurrentValues {
  let values: unknown;
  try {
    values = load(text, { schema: FAILSAFE_SCHEMA });
  } catch (error) {
    throw new ActionError('E_PLAN_FILE', {
      what: `values file ${oneLine(file, 200)}`,
      why: error instanceof Error ? oneLine(error.message, 200) : 'unreadable',
      fix: 'Make it one plain YAML document; template braces must be quoted',
      at: { file },
      cause: error,
    });
  }
  const missing: string[] = [];
  const image = (path: string): ImageValues => {
    const map = at(values, path);
    if (!isMap(map)) missing.push(path);
    const get = (key: string): string | undefined => scalar(isMap(map) ? map[key] : undefined);
    const read = { repository: get('repository'), tag: get('tag'), digest: get('digest'), revision: get('revision') };
    for (const key of ['tag', 'digest'] as const)
      if (isMap(map) && read[key] === undefined) missing.push(`${path}.${key}`);
    return read;
  };
  const slots = strategy === 'blueGreen' ? readSlots() : undefined;
  const stable = slots === undefined ? image(layout.image) : slots[slots.active];
  // With a Rollout there is no weight in Git, and no second image.
  const hasCanary = (strategy === 'canary' && router === 'gateway') || at(values, layout['canary.image']) !== undefined;
  const canary = hasCanary
    ? { image: image(layout['canary.image']), weight: scalar(at(values, layout['canary.weight'])) }
    : undefined;
  if (canary !== undefined && canary.weight === undefined) missing.push(layout['canary.weight']);
  function readSlots(): CurrentValues['slots'] {
    const active = scalar(at(values, layout['blueGreen.active']));
    if (active !== 'blue' && active !== 'green') missing.push(`${layout['blueGreen.active']} (blue or green)`);
    const slot = (name: Slot): ImageValues => image(layout[`blueGreen.${name}.image`]);
    return { active: active === 'green' ? 'green' : 'blue', blue: slot('blue'), green: slot('green') };
  }
  if (missing.length > 0) {
    throw new ActionError('E_PLAN_LAYOUT', {
      what: `values file ${oneLine(file, 200)}`,
      why: `the strategy ${strategy} needs keys that are not there: ${missing.join(', ')}`,
      fix: 'Add them (empty is fine), or name the paths of your chart with the input layout',
      at: { file },
    });
  }
  return { stable, canary, slots };
}

function at(values: unknown, path: string): unknown {
  let here = values;
  for (const key of path.split('.')) here = isMap(here) ? here[key] : undefined;
  return here;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// An empty scalar and the words for null mean the same to a chart: nothing.
function scalar(value: unknown): string | undefined {
  if (value === null) return '';
  if (typeof value !== 'string') return undefined;
  return /^(~|null|Null|NULL)$/.test(value) ? '' : value;
}
