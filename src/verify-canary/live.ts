/** A live run: the wait for Argo CD, the source, and line by line the way to a verdict. */
import type { Http } from '../http/index.ts';
import { oneLine } from '../text/index.ts';
import { type ArgoPorts, type Connection, connect } from './argocd/connection.ts';
import type { Finding } from './argocd/judge-sight.ts';
import { type Observer, observe } from './argocd/observer.ts';
import { waitForArrival } from './argocd/wait.ts';
import type { ArgoWish } from './argocd/wish.ts';
import { type MetricsSource, toMillis } from './collect/source.ts';
import type { CanaryConfig } from './config.ts';
import { type Status, spanOf, type TraceHeader, type TraceLine } from './core/index.ts';
import { type Course, fixedCourse, rolloutCourse } from './course.ts';
import { openSource } from './open-source.ts';
import { planLines, progressLine } from './report/progress.ts';
import type { Ports, RunOptions } from './run.ts';
import type { Session } from './session.ts';
import { emptySelectors } from './watch.ts';

const WENT_THROUGH =
  'the Rollout has gone to 100 % before there was evidence for its last weight. Let its steps pause for longer';

/** What happens in one run, whatever is watched. */
interface Watch {
  source: MetricsSource;
  course: Course;
  observer: Observer | null;
  /** Told with the first `run` event, for the reports. */
  note: string;
}

/** @param history the trace of the runs before, which is judged first */
export async function live(
  options: RunOptions,
  history: readonly TraceLine[],
  session: Session,
  ports: Ports,
): Promise<void> {
  const { inputs } = options;
  if (history.length === 0 || !isHeader(history[0])) {
    const { app, revision, image } = inputs;
    if (app !== '' || revision !== '' || image !== '') {
      session.feed({ v: 1, type: 'header', app, revision, image, note: '' });
    }
  }
  for (const line of history) {
    if (isFinal(session.feed(line))) return;
  }
  const http = ports.openHttp({ plainHttp: inputs.plainHttp });
  try {
    await liveWith(http, options, history, session, ports);
  } finally {
    await http.close();
  }
}

async function liveWith(
  http: Http,
  options: RunOptions,
  history: readonly TraceLine[],
  session: Session,
  ports: Ports,
): Promise<void> {
  const { inputs, config } = options;
  const end = (finding: Finding): void => endBeforeLines(finding, session, ports);
  const { argocd } = inputs;
  const argoPorts: ArgoPorts = { ...ports, http, random: Math.random };
  const connection = argocd === null ? null : connect(argocd, argoPorts);
  let waited: Awaited<ReturnType<typeof waitForArrival>> | null = null;
  try {
    if (argocd !== null && connection !== null) {
      const wait = (): ReturnType<typeof waitForArrival> => waitForArrival(connection, argocd, argoPorts);
      waited = await ports.log.group('wait for Argo CD', wait);
    }
  } catch (error) {
    if (!ports.signal.aborted) throw error;
    cancel(session, ports, ports.clock.now());
    return;
  }
  if (waited?.kind === 'ended') return end(waited.finding);
  const { source, power } = openSource(inputs, config, history, http, ports);
  const now = (): number => toMillis(source.now?.() ?? ports.clock.now());
  const sight = waited?.sight ?? null;
  const course =
    sight?.rollout != null && argocd !== null
      ? rolloutCourse(now(), sight.rollout, argocd.timeout)
      : fixedCourse(inputs.step);
  const observer = observerOf(waited, argocd, connection, course, now, config, argoPorts);
  try {
    await ports.log.group('plan', async () => {
      ports.log.info(planLines(config, inputs, history.length).join('\n'));
      for (const line of await power(inputs.weight ?? sight?.rollout?.weight ?? null)) ports.log.info(line);
    });
    await watch({ source, course, observer, note: waited?.note ?? '' }, session, options, ports);
  } finally {
    await observer?.close();
  }
}

function observerOf(
  waited: Awaited<ReturnType<typeof waitForArrival>> | null,
  wish: ArgoWish | null,
  connection: Connection | null,
  course: Course,
  now: () => number,
  config: CanaryConfig,
  ports: ArgoPorts,
): Observer | null {
  if (waited?.kind !== 'arrived' || wish === null || connection === null) return null;
  const onSight: Parameters<typeof observe>[1]['onSight'] = ({ rollout }) => {
    if (rollout !== null) course.note(now(), rollout);
  };
  return observe(connection, { wish, arrived: waited.arrived, interval: config.interval, onSight }, ports);
}

async function watch(w: Watch, session: Session, options: RunOptions, ports: Ports): Promise<void> {
  const { source, course, observer } = w;
  const empty = emptySelectors(options.config);
  let last = session.status()?.at ?? 0;
  let running = false;
  const end = (finding: Finding): void => {
    const at = Math.max(toMillis(source.now?.() ?? ports.clock.now()), last);
    session.feed({ v: 1, type: 'event', at, event: finding.event, detail: detailOf(finding, ports) });
  };
  try {
    for (;;) {
      const next = await source.next(ports.signal);
      if (next === null) return;
      const early = isBaseline(next);
      const line: TraceLine = 'type' in next ? noted(next, running ? '' : w.note) : early ? next : course.assign(next);
      const status = session.feed(line);
      last = spanOf(line)?.end ?? last;
      if ('type' in line) running ||= line.type === 'event' && line.event === 'run';
      else if (!early) {
        ports.log.info(progressLine(line, session.verdict(), status));
        await empty.note(line, (signal) => source.names(signal), ports);
      }
      if (isFinal(status)) return;
      const found = observer?.poke() ?? null;
      if (found !== null) return end(found);
      const turn = running ? course.turn(status, line) : 'on';
      if (turn === 'stuck') return end(course.stuck());
      if (turn === 'on') continue;
      // Nothing passes while Argo CD says that it is broken, or another version is on its way.
      const late = status.verdict === 'pass' ? ((await observer?.finish()) ?? null) : null;
      if (late !== null) return end(late);
      if (status.verdict === null) ports.log.warning('W_ROLLOUT_THROUGH', WENT_THROUGH);
      const why = course.end(status);
      // A pass goes on with the next weight: the trace says where its run ended, so that a replay ends there too.
      if (why !== null) session.feed({ v: 1, type: 'event', at: last, event: 'run', detail: why });
      return;
    }
  } catch (error) {
    if (!ports.signal.aborted) throw error;
    cancel(session, ports, Math.max(source.now?.() ?? ports.clock.now(), last));
  }
}

/** A line of the stable version from before the canary. */
function isBaseline(line: TraceLine): boolean {
  return !('type' in line) && line.weight === 0;
}

/** The first `run` event tells how it came to that. */
function noted(line: TraceLine, note: string): TraceLine {
  if (note === '' || !('type' in line) || line.type !== 'event' || line.event !== 'run') return line;
  return { ...line, detail: oneLine(note, 600) };
}

/** A run that ends before it has a line: its `run` event comes first, or an earlier hold would swallow the end. */
function endBeforeLines(finding: Finding, session: Session, ports: Ports): void {
  const at = Math.max(toMillis(ports.clock.now()), session.status()?.at ?? 0);
  session.feed({ v: 1, type: 'event', at, event: 'run' });
  session.feed({ v: 1, type: 'event', at, event: finding.event, detail: detailOf(finding, ports) });
}

/** What a cluster says goes into files: without what is masked. */
function detailOf(finding: Finding, ports: Ports): string {
  return oneLine(ports.log.hide(finding.detail), 600);
}

function cancel(session: Session, ports: Ports, at: number): void {
  const last = session.status()?.at ?? 0;
  session.feed({ v: 1, type: 'event', at: Math.max(toMillis(at), last), event: 'cancelled' });
  ports.log.debug('cancelled');
}

/** A fail and a newer version are the end of the whole rollout. */
export function isFinal(status: Status): boolean {
  return status.verdict === 'fail' || status.verdict === 'superseded';
}

export function isHeader(line: TraceLine | undefined): line is TraceHeader {
  return line !== undefined && 'type' in line && line.type === 'header';
}
