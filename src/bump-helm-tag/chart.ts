/** Chart.yaml: appVersion becomes the tag, and the chart's own version may be raised. */
import inc from 'semver/functions/inc.js';
import valid from 'semver/functions/valid.js';
import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { parsePath, scalarAt } from '../yaml/index.ts';
import type { Snapshot } from './config-repository.ts';
import { targetId } from './plan.ts';
import { openFile } from './round.ts';
import type { ScalarTarget, Target } from './target.ts';
import { parseBlocks } from './trailers.ts';

export interface ChartWish {
  file: string;
  raise: 'none' | 'patch' | 'minor';
}

/**
 * Adds the targets of Chart.yaml to those of the run.
 * @param revision full source commit of the run: what it raised once, it does not raise again
 * @throws ActionError E_INPUT (no image to take the version from), E_FILE_MISSING, E_PATH_MISSING, E_CHART_VERSION
 */
export async function withChart(
  targets: readonly Target[],
  chart: ChartWish,
  revision: string,
  snapshot: Snapshot,
): Promise<readonly Target[]> {
  const appVersion = targets.find((t) => t.kind === 'image' && t.want.tag !== undefined);
  if (appVersion?.kind !== 'image')
    throw new ActionError('E_INPUT', {
      what: 'input chart-file',
      why: 'no image of this run has a tag that could become appVersion',
      fix: 'Give tag, or leave chart-file out',
    });
  const scalar = (key: string, value: string): ScalarTarget => ({
    kind: 'scalar',
    id: targetId(chart.file, undefined, parsePath(key)),
    file: chart.file,
    document: undefined,
    path: parsePath(key),
    onlyIf: [],
    value,
    type: 'string',
    mayChangeType: true,
    quoted: true,
  });
  const added: Target[] = [scalar('appVersion', appVersion.want.tag ?? '')];
  if (chart.raise !== 'none') {
    const { id } = scalar('version', '');
    const source = openFile(snapshot, chart.file);
    const now = scalarAt(source, { document: undefined, path: parsePath('version') }).text;
    const log = await snapshot.log();
    const raised = log.some((commit) =>
      parseBlocks(commit.message).some((b) => b.sourceRevision === revision && b.targets.some((t) => t.id === id)),
    );
    const next = raised ? now : raiseVersion(now, chart);
    added.push({ ...scalar('version', next), quoted: false, follows: true });
  }
  return [...targets, ...added];
}

function raiseVersion(now: string, chart: ChartWish): string {
  const next = valid(now) === null || chart.raise === 'none' ? null : inc(now, chart.raise);
  if (next !== null) return next;
  throw new ActionError('E_CHART_VERSION', {
    what: `version in ${oneLine(chart.file, 200)}`,
    why: `"${oneLine(now, 60)}" is no semantic version`,
    fix: 'Correct it, or set chart-version: none',
    at: { file: chart.file },
  });
}
