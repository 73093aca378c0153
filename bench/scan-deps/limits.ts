/** What is too much is refused at once: an archive that would inflate to 10 GB, and a lock of 64 MiB and one byte. */

import { createHash } from 'node:crypto';
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { LIMITS } from '../../src/scan-deps/types.ts';
import type { Bench } from '../lib/bench.ts';
import { measureProcess, ratio, spread } from '../lib/measure.ts';
import { BUNDLE, scan, type World, world } from './_world.ts';
import { endOf } from './_zip.ts';

const INFLATED = 10e9;
const MEMBER = 8_000_000;
const MOST_MS = 300;
const MOST_MB = 256;

export const run: Bench = async (args) => {
  const runs = Number(args.find((a) => a.startsWith('--runs='))?.slice(7) ?? 9);
  using bomb = world({ 'requirements.txt': 'requests==2.30.0\n' });
  bomb.write('../db/PyPI/all.zip', bombOf(Buffer.alloc(MEMBER, ' ')));
  using slow = world({ 'requirements.txt': 'requests==2.30.0\n' });
  slow.write('../db/PyPI/all.zip', bombOf(plain(MEMBER)));
  using wide = world({ 'requirements.txt': 'requests==2.30.0\n' });
  wide.write('../db/PyPI/all.zip', bombOf(Buffer.alloc(RATIO_FREE, ' ')));
  using lock = world({ 'package-lock.json': '{}' });
  grow(join(lock.root, 'package-lock.json'), LIMITS.fileBytes + 1);
  const cases: [string, World][] = [
    ['10 GB inflated, 1000:1, in members of 8 MB', bomb],
    ['10 GB inflated, 50:1, in members of 8 MB', slow],
    ['10 GB inflated, 1000:1, in members of 64 kB', wide],
    ['a lock of 64 MiB and one byte', lock],
  ];
  const rows: string[][] = [];
  const facts: Record<string, unknown> = { bundle: BUNDLE };
  const limits: { name: string; measured: number; most: number; unit: string }[] = [];
  for (const [name, { root }] of cases) {
    const ours: number[] = [];
    const empty: number[] = [];
    let peak = 0;
    // In turn, so that a busy moment of the machine meets both.
    for (let n = 0; n < runs; n += 1) {
      empty.push((await measureProcess(process.execPath, ['-e', '0'])).seconds * 1000);
      const own = await scan(root, { database: '../db' });
      if (!own.output.includes('E_LIMIT') || own.code !== 1) throw new Error(`${name}: not refused: ${own.output}`);
      ours.push(own.seconds * 1000);
      peak = Math.max(peak, own.peak);
    }
    const [a, b] = [spread(ours), spread(empty)];
    const show = (s: typeof a): string => `${s.median.toFixed(0)} (${s.least.toFixed(0)} - ${s.most.toFixed(0)})`;
    const megabytes = Math.round(peak / 1e6);
    rows.push([name, show(a), String(megabytes), show(b), ratio(a.median, b.median)]);
    facts[name] = { ours, empty, peak };
    limits.push({ name, measured: Math.round(a.median), most: MOST_MS, unit: 'ms' });
    limits.push({ name: `memory: ${name}`, measured: megabytes, most: MOST_MB, unit: 'MB' });
  }
  return {
    about: `Whole processes that refuse, median of ${runs} (least - most), beside an empty process of Node.`,
    columns: ['what', 'scan-deps ms', 'MB', 'empty process ms', 'ratio'],
    rows,
    facts,
    limits,
    notes: ['An empty process tells how busy the machine is: on a quiet one it takes about 40 ms.'],
  };
};

/** Up to this size a member of any ratio is read; many of them are told by their sum. */
const RATIO_FREE = 64 * 1024;

/** Text of a harmless ratio. */
function plain(bytes: number): Buffer {
  const line = (i: number): string => createHash('md5').update(String(i)).digest('hex') + ' '.repeat(1000);
  return Buffer.from(Array.from({ length: bytes / 1032 }, (_, i) => line(i)).join(''));
}

/** One member, which the directory names again and again. */
function bombOf(text: Buffer): Buffer {
  const size = text.length;
  const packed = deflateRawSync(text);
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(20, 0);
  fields.writeUInt16LE(8, 4);
  fields.writeUInt32LE(crc32(text), 10);
  fields.writeUInt32LE(packed.length, 14);
  fields.writeUInt32LE(size, 18);
  fields.writeUInt16LE(1, 22);
  const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), fields, Buffer.from('x'), packed]);
  const entry = Buffer.alloc(47);
  entry.write('PK\x01\x02', 0, 'latin1');
  entry.writeUInt16LE(20, 4);
  fields.copy(entry, 6);
  entry.write('x', 46, 'latin1');
  const count = Math.ceil(INFLATED / size);
  const list = Buffer.alloc(count * entry.length);
  for (let i = 0; i < count; i += 1) entry.copy(list, i * entry.length);
  return Buffer.concat([local, list, endOf(count, list.length, local.length)]);
}

function grow(path: string, bytes: number): void {
  const file = openSync(path, 'w');
  try {
    writeSync(file, '{"lockfileVersion": 3, "packages": {}}');
    ftruncateSync(file, bytes);
  } finally {
    closeSync(file);
  }
}
