/** A metrics page as a large service shows it. */
import { seeded } from './scenario/random.ts';

const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, '+Inf'];

/** Names that the page has and a canary config would want: 12. */
export const WANTED: readonly string[] = [
  ...['requests', 'jobs', 'retries', 'cache_misses'].map((name) => `http_${name}_total`),
  ...['request', 'upstream'].flatMap((name) =>
    ['bucket', 'sum', 'count'].map((part) => `http_${name}_duration_seconds_${part}`),
  ),
  'process_cpu_seconds_total',
  'process_start_time_seconds',
];

/**
 * @param bytes about so many
 * @param labelled whether the wanted histograms have a series for each route, or one
 * @returns Prometheus text 0.0.4; most of it is of names that nobody asked for
 */
export function metricsPage(bytes: number, labelled = true): string {
  const random = seeded(3);
  const parts: string[] = [];
  let size = 0;
  const add = (text: string): void => {
    parts.push(text);
    size += text.length;
  };
  const whole = (): number => random.bits() % 1_000_000;
  const routes = Array.from({ length: 20 }, (_, i) => `route="/v1/things/${i}"`);
  for (const name of WANTED.filter((n) => n.startsWith('http_') && n.endsWith('_total'))) {
    add(`# HELP ${name} Counted.\n# TYPE ${name} counter\n`);
    for (const route of routes)
      for (const code of [200, 404, 503]) add(`${name}{code="${code}",method="GET",${route}} ${whole()}\n`);
  }
  for (const name of ['request', 'upstream'])
    histogram(add, `http_${name}_duration_seconds`, labelled ? routes : [''], whole);
  add(
    '# HELP process_cpu_seconds_total CPU.\n# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 1234.56\n',
  );
  add(
    '# HELP process_start_time_seconds Start.\n# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds 1.7e9\n',
  );
  for (let i = 0; size < bytes; i += 1) histogram(add, `other_thing_${i}_seconds`, routes.slice(0, 10), whole);
  return parts.join('');
}

function histogram(add: (text: string) => void, name: string, routes: readonly string[], whole: () => number): void {
  add(`# HELP ${name} Time it took.\n# TYPE ${name} histogram\n`);
  for (const route of routes) {
    let count = 0;
    const own = route === '' ? '' : `method="GET",${route}`;
    for (const le of BOUNDS) {
      count += whole();
      add(`${name}_bucket{${own}${own === '' ? '' : ','}le="${le}"} ${count}\n`);
    }
    const labels = own === '' ? '' : `{${own}}`;
    add(`${name}_sum${labels} ${count / 7}\n${name}_count${labels} ${count}\n`);
  }
}
