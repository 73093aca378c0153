/**
 * Builds the index of an archive in one pass. Its members are copied as they are packed; only the records of packages that
 * somebody asks for now are judged and kept ready. So the first scan costs hardly more than to read the archive, and memory
 * holds names and places but no record: the largest ecosystem has 300 MB of them.
 */
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Ecosystem } from '../types.ts';
import { orderOf } from '../version/index.ts';
import { FORMAT, HEAD, type IndexHeader, MAGIC, type MemberPlace, nameHash, ROW } from './index-file.ts';
import { newest, readMember } from './index-members.ts';
import { OutFile } from './index-out.ts';
import { rememberingJudge, sliceOf } from './index-slice.ts';
import { isProblem, parseRecord } from './record.ts';
import { readZip } from './zip.ts';

export interface BuildOptions {
  eco: Ecosystem;
  /** Digest of the archive, kept in the header. */
  source: string;
  /** Unix seconds. */
  now: number;
  /** Normalised names of packages whose records are kept ready; others take longer to look up, and are found as well. */
  wanted?: ReadonlySet<string>;
  /** Called for every member; throws to stop. */
  onMember?: () => void;
}

/** A record that cannot be read, kept in its place: whoever asks for its package must hear of it. */
export interface Unreadable {
  unreadable: string;
}

/**
 * Writes to a name of its own beside the target and renames at the end: a reader sees the whole index or none.
 * @throws ActionError E_DB_CORRUPT, E_LIMIT of the archive, and errors of the file system
 */
export async function buildIndex(archive: string, target: string, options: BuildOptions): Promise<void> {
  mkdirSync(dirname(target), { recursive: true });
  const own = `${target}.${process.pid}-${Math.random().toString(36).slice(2)}.tmp`;
  try {
    {
      using index = new OutFile(own);
      index.append(Buffer.alloc(HEAD));
      writeEntries(index, await copyMembers(archive, index, options), options);
    }
    renameSync(own, target);
  } finally {
    rmSync(own, { force: true });
  }
}

interface Facts {
  /** By package: the numbers of its members. A list only for more than one: most packages of the largest ecosystem have one. */
  numbers: Map<string, number | number[]>;
  /** By number, the fields of a place in turn. */
  places: number[];
  /** By package that is wanted. */
  slices: Map<string, object[]>;
  records: number;
  freshness: number;
  future: number[];
}

const FIELDS = 5;

async function copyMembers(archive: string, index: OutFile, options: BuildOptions): Promise<Facts> {
  const { eco, now, onMember, wanted } = options;
  const judge = rememberingJudge(orderOf(eco));
  const facts: Facts = { numbers: new Map(), places: [], slices: new Map(), records: 0, freshness: 0, future: [] };
  await readZip(
    archive,
    (name, bytes, { packed, size, method, crc }) => {
      const { json, keys, modified } = readMember(archive, name, bytes, eco);
      facts.records += 1;
      facts.freshness = newest(now, facts.freshness, modified);
      if (modified > now && facts.future.length < 100) facts.future.push(modified);
      const asked = keys.filter((key) => wanted?.has(key));
      if (asked.length < keys.length) {
        const number = facts.places.length / FIELDS;
        facts.places.push(index.length, packed.length, size, method, crc);
        index.append(packed);
        for (const key of keys) if (!wanted?.has(key)) addNumber(facts.numbers, key, number);
      }
      if (asked.length === 0) return;
      const record = parseRecord(json);
      for (const key of asked) {
        const list = facts.slices.get(key) ?? [];
        facts.slices.set(key, list);
        if (isProblem(record)) list.push({ unreadable: `${name}: ${record.message}` } satisfies Unreadable);
        else if (record.withdrawn === undefined) list.push(sliceOf(record, eco, key, judge));
      }
    },
    undefined,
    onMember,
  );
  return facts;
}

function addNumber(numbers: Facts['numbers'], key: string, number: number): void {
  const known = numbers.get(key);
  if (known === undefined) numbers.set(key, number);
  else if (typeof known === 'number') numbers.set(key, [known, number]);
  else known.push(number);
}

function writeEntries(index: OutFile, facts: Facts, { eco, source, now }: BuildOptions): void {
  const names = sorted([...facts.numbers.keys(), ...facts.slices.keys()]);
  const table = Buffer.alloc(names.length * ROW);
  for (const [i, name] of names.entries()) {
    const entry = Buffer.from(JSON.stringify(entryOf(facts, name)));
    nameHash(name).copy(table, i * ROW);
    table.writeBigUInt64LE(BigInt(index.length), i * ROW + 8);
    table.writeUInt32LE(entry.length, i * ROW + 16);
    table.writeUInt32LE(crc32(entry), i * ROW + 20);
    index.append(entry);
  }
  const header: IndexHeader = {
    format: FORMAT,
    eco,
    source,
    built: new Date(now * 1000).toISOString(),
    freshness: facts.freshness,
    future: facts.future,
    records: facts.records,
    packages: names.length,
    table: { offset: index.length, crc: crc32(table) },
  };
  index.append(table);
  index.flush();
  const bytes = Buffer.from(JSON.stringify(header));
  const head = Buffer.alloc(16);
  MAGIC.copy(head);
  head.writeUInt32LE(bytes.length, 8);
  head.writeUInt32LE(crc32(bytes), 12);
  index.overwrite(Buffer.concat([head, bytes]), 0);
}

function entryOf({ slices, numbers, places }: Facts, name: string): object {
  const records = slices.get(name);
  if (records !== undefined) return { name, records };
  const own = numbers.get(name) ?? [];
  const members = (typeof own === 'number' ? [own] : own).map((number) => {
    return places.slice(number * FIELDS, (number + 1) * FIELDS) as MemberPlace;
  });
  return { name, members };
}

/** By hash, as a look-up searches them. The hashes are held as numbers: a buffer a name would weigh more than all the rest. */
function sorted(names: readonly string[]): string[] {
  const high = new Uint32Array(names.length);
  const low = new Uint32Array(names.length);
  for (const [i, name] of names.entries()) {
    const bytes = nameHash(name);
    high[i] = bytes.readUInt32BE(0);
    low[i] = bytes.readUInt32BE(4);
  }
  const at = (list: Uint32Array, i: number): number => list[i] ?? 0;
  const order = new Uint32Array(names.length).map((_, i) => i);
  order.sort((a, b) => at(high, a) - at(high, b) || at(low, a) - at(low, b) || a - b);
  return [...order].map((i) => names[i] ?? '');
}
