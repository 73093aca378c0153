/** The JUnit XML of pytest. Written by the code that is tested: nothing in it is trusted. */
import { XMLParser } from 'fast-xml-parser';
import { ActionError, type Annotation } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { joinPath } from './paths.ts';
import { FAILURE_RANK } from './rank.ts';

export interface JUnit {
  tests: number;
  /** Failed, and ended by an error outside of the test. */
  failures: number;
  skipped: number;
  /** Seconds of all test cases. */
  seconds: number;
  findings: readonly Annotation[];
  /** Failed tests as people call them, with the first line of why. */
  failed: readonly { name: string; why: string }[];
}

interface Node {
  [key: string]: unknown;
}

// Entities off: a declared one may stand for gigabytes. Those of XML itself are read below.
const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  textNodeName: '#',
  processEntities: false,
  parseAttributeValue: false,
  parseTagValue: false,
  trimValues: false,
  isArray: (name) => ['testsuite', 'testcase', 'failure', 'error', 'skipped'].includes(name),
});

/**
 * @param base folder that pytest ran in, relative to the repository
 * @throws ActionError E_REPORT_FILE when it is no JUnit XML
 */
export function parseJUnit(text: string, base: string): JUnit {
  let root: unknown;
  try {
    root = parser.parse(text, true);
  } catch (cause) {
    throw bad(cause instanceof Error ? oneLine(cause.message, 200) : 'unreadable', cause);
  }
  const suites = suitesOf(root);
  if (suites === undefined) throw bad('it has neither testsuites nor testsuite');
  const result = { tests: 0, failures: 0, skipped: 0, seconds: 0 };
  const findings: Annotation[] = [];
  const failed: { name: string; why: string }[] = [];
  for (const test of suites.flatMap((suite) => nodes(suite.testcase))) {
    result.tests += 1;
    const seconds = Number(attribute(test, 'time'));
    if (seconds > 0 && seconds < 1e6) result.seconds += seconds;
    if (nodes(test.skipped).length > 0) result.skipped += 1;
    const [reason] = [...nodes(test.failure), ...nodes(test.error)];
    if (reason === undefined) continue;
    result.failures += 1;
    const name = [attribute(test, 'classname'), attribute(test, 'name')].filter((part) => part !== '').join('.');
    const body = decode(typeof reason['#'] === 'string' ? reason['#'] : '');
    const why = attribute(reason, 'message') || body.trim();
    failed.push({ name, why });
    const at = placeOf(test, body, base);
    findings.push({
      level: 'error',
      rank: FAILURE_RANK,
      title: name,
      message: why || 'failed',
      ...(at === undefined ? {} : { at }),
    });
  }
  return { ...result, findings, failed };
}

// The traceback ends where it happened: `tests/test_x.py:12: AssertionError`. Its last place inside the repository counts.
function placeOf(test: Node, body: string, base: string): Annotation['at'] {
  const places = [...body.matchAll(/^(?!\/)([^\s:][^:\n]{0,300}\.py):(\d{1,9}):/gm)];
  const last = places.at(-1);
  if (last !== undefined) return { file: joinPath(base, last[1] ?? ''), line: Number(last[2]) };
  const file = attribute(test, 'file');
  // Counted from 0 there.
  const line = /^\d{1,9}$/.test(attribute(test, 'line')) ? { line: Number(attribute(test, 'line')) + 1 } : {};
  return file === '' ? undefined : { file: joinPath(base, file), ...line };
}

function suitesOf(root: unknown): Node[] | undefined {
  if (!isNode(root)) return undefined;
  if (root.testsuites === '') return [];
  const suites = isNode(root.testsuites) ? nodes(root.testsuites.testsuite) : nodes(root.testsuite);
  return root.testsuites === undefined && suites.length === 0 ? undefined : suites;
}

// An element without attributes and children comes as its text.
function nodes(value: unknown): Node[] {
  return Array.isArray(value) ? value.map((item) => (isNode(item) ? item : { '#': item })) : [];
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function attribute(node: Node, name: string): string {
  const value = node[`@${name}`];
  return typeof value === 'string' ? decode(value) : '';
}

const NAMED: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/** The references that XML 1.0 itself knows (4.1, 4.6), once: what comes out is not read again. */
function decode(text: string): string {
  return text.replace(/&(?:#x([0-9a-fA-F]{1,6})|#(\d{1,7})|(lt|gt|amp|quot|apos));/g, (all, hex, decimal, name) => {
    if (name !== undefined) return NAMED[name] ?? all;
    const point = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : all;
  });
}

function bad(why: string, cause?: unknown): ActionError {
  return new ActionError('E_REPORT_FILE', {
    what: 'JUnit report',
    why,
    fix: 'Run pytest with --junitxml',
    cause,
  });
}
