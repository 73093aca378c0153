/** Tar archives (ustar): just enough for image layers. Times are 0, owners as given, entries in the order given. */

export interface TarEntry {
  /** Relative, without a slash at the end. */
  path: string;
  type: 'file' | 'directory' | 'link';
  mode: number;
  /** Content of a file, target of a link. */
  data: Buffer;
}

export function writeTar(entries: readonly TarEntry[]): Buffer {
  const parts: Buffer[] = [];
  for (const entry of entries) {
    const body = entry.type === 'file' ? entry.data : Buffer.alloc(0);
    parts.push(header(entry, body.length), body, Buffer.alloc((512 - (body.length % 512)) % 512));
  }
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

function header(entry: TarEntry, size: number): Buffer {
  const block = Buffer.alloc(512);
  const full = entry.type === 'directory' ? `${entry.path}/` : entry.path;
  const cut = Buffer.byteLength(full) <= 100 ? -1 : full.indexOf('/', Math.max(0, full.length - 101));
  const [prefix, name] = cut < 0 ? ['', full] : [full.slice(0, cut), full.slice(cut + 1)];
  if (Buffer.byteLength(name) > 100 || Buffer.byteLength(prefix) > 155) throw new Error(`path too long: ${full}`);
  const octal = (value: number, at: number, length: number): void =>
    void block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
  block.write(name, 0);
  octal(entry.mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  block.write('        ', 148);
  block.write({ file: '0', directory: '5', link: '2' }[entry.type], 156);
  if (entry.type === 'link') block.write(entry.data.toString('utf8'), 157);
  block.write('ustar\x0000', 257, 'latin1');
  block.write(prefix, 345);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}
