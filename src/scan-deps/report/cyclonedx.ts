/** CycloneDX 1.6: what the checkout holds, where it says so, and what is known against it. Equal trees give equal bytes. */
import { createHash } from 'node:crypto';
import { oneLine } from '../../text/index.ts';
import { compareText } from '../osv/groups.ts';
import type { Dep, Report } from '../types.ts';
import { vulnerabilitiesOf } from './cyclonedx-vulnerabilities.ts';
import { safeJson } from './json.ts';
import { purlOf, refOf } from './purl.ts';

/** What a bill of materials is about; facts of the commit, so that nothing of the run is in it. */
export interface Subject {
  /** Of the repository or folder. */
  name: string;
  /** Full commit. */
  revision?: string;
  /** Unix seconds of the commit. */
  committedAt?: number;
}

/** @param deps every package that was read, also those that were not asked for */
export function cyclonedxOf(report: Report, deps: readonly Dep[], subject: Subject): string {
  const root = 'subject';
  const refs = new Map<string, Dep[]>();
  for (const dep of deps) {
    const ref = refOf(dep);
    const same = refs.get(ref);
    if (same === undefined) refs.set(ref, [dep]);
    else same.push(dep);
  }
  const sorted = [...refs].sort(([a], [b]) => compareText(a, b));
  const body = {
    metadata: {
      ...(subject.committedAt === undefined ? {} : { timestamp: new Date(subject.committedAt * 1000).toISOString() }),
      tools: { components: [{ type: 'application', name: 'scan-deps' }] },
      component: {
        type: 'application',
        'bom-ref': root,
        name: oneLine(subject.name, 500),
        ...(subject.revision === undefined ? {} : { version: oneLine(subject.revision, 100) }),
      },
      properties: [{ name: 'scan-deps:complete', value: String(report.complete) }],
    },
    components: sorted.map(([ref, same]) => componentOf(ref, same)),
    dependencies: edges(root, sorted),
    vulnerabilities: vulnerabilitiesOf(report.findings),
  };
  const head = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
  };
  return `${safeJson({ ...head, serialNumber: serialOf(body), version: 1, ...body }, 1)}\n`;
}

function componentOf(ref: string, same: readonly Dep[]): object {
  const [dep] = same as [Dep];
  const registry = same.some((one) => one.source === 'registry');
  const places = new Map(
    same.map((one) => [`${one.file}\n${one.line}`, { location: oneLine(one.file, 1000), line: one.line }]),
  );
  const runtime = same.some((one) => one.scope !== 'dev');
  const known = same.every((one) => one.scope !== 'unknown');
  return {
    type: 'library',
    'bom-ref': ref,
    name: oneLine(dep.name, 500),
    ...(dep.version === undefined ? {} : { version: oneLine(dep.version, 300) }),
    ...(known ? { scope: runtime ? 'required' : 'excluded' } : {}),
    ...(registry ? { purl: purlOf(dep) } : {}),
    evidence: {
      occurrences: [...places.values()].sort((a, b) => compareText(a.location, b.location) || a.line - b.line),
    },
    properties: [
      { name: 'scan-deps:ecosystem', value: dep.eco },
      ...(registry ? [] : [{ name: 'scan-deps:source', value: dep.source }]),
      ...(dep.version === undefined ? [{ name: 'scan-deps:requirement', value: oneLine(dep.range || '*', 500) }] : []),
    ],
  };
}

/** Who asks for whom. A parent is a package of the same file; the checkout itself asks for the direct ones. */
function edges(root: string, sorted: readonly (readonly [string, readonly Dep[]])[]): object[] {
  const inFile = new Map<string, Map<string, Set<string>>>();
  for (const [ref, same] of sorted) {
    for (const { file, eco, key } of same) {
      const names = inFile.get(file) ?? new Map<string, Set<string>>();
      inFile.set(file, names);
      const id = `${eco} ${key}`;
      names.set(id, (names.get(id) ?? new Set()).add(ref));
    }
  }
  const children = new Map<string, Set<string>>([
    [root, new Set()],
    ...sorted.map(([ref]) => [ref, new Set<string>()] as const),
  ]);
  for (const [ref, same] of sorted) {
    for (const dep of same) {
      const parents = dep.via.flatMap((key) => [...(inFile.get(dep.file)?.get(`${dep.eco} ${key}`) ?? [])]);
      if (dep.direct === true || parents.length === 0) children.get(root)?.add(ref);
      for (const parent of parents) if (parent !== ref) children.get(parent)?.add(ref);
    }
  }
  return [...children].map(([ref, below]) => ({
    ref,
    ...(below.size === 0 ? {} : { dependsOn: [...below].sort(compareText) }),
  }));
}

/** A UUID of the content (which names the commit): version 8, "custom", of RFC 9562. */
function serialOf(body: object): string {
  const hex = createHash('sha256').update(safeJson(body)).digest('hex');
  const variant = ((Number.parseInt(hex[16] ?? '0', 16) & 3) | 8).toString(16);
  return `urn:uuid:${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
