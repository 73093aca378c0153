/** Bytes of a requirements file as pip decodes them: BOM, else PEP 263 cookie, else UTF-8. */

const COOKIE = /^[ \t\f]*#.{0,200}?coding[:=][ \t]*([-\w.]{1,40})/;

/** @returns undefined when the bytes are not text in the encoding they claim */
export function decodeText(bytes: Uint8Array): string | undefined {
  const starts = (...head: number[]): boolean => head.every((byte, i) => bytes[i] === byte);
  if (starts(0xff, 0xfe, 0, 0)) return utf32(bytes.subarray(4), true);
  if (starts(0, 0, 0xfe, 0xff)) return utf32(bytes.subarray(4), false);
  if (starts(0xff, 0xfe)) return decode(bytes, 'utf-16le');
  if (starts(0xfe, 0xff)) return decode(bytes, 'utf-16be');
  if (starts(0xef, 0xbb, 0xbf)) return decode(bytes, 'utf-8');
  const head = Buffer.from(bytes.subarray(0, 1000))
    .toString('latin1')
    .split(/\r\n|\r|\n/, 2);
  const cookie = head.map((line) => COOKIE.exec(line)?.[1]).find((name) => name !== undefined);
  const name = cookie?.toLowerCase().replaceAll('_', '-') ?? 'utf-8';
  // The one usual spelling of Python that the web's list of encodings does not have.
  const text = decode(bytes, name === 'latin-1' || name === 'iso-latin-1' ? 'latin1' : name);
  return text?.includes('\0') ? undefined : text;
}

function decode(bytes: Uint8Array, encoding: string): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function utf32(bytes: Uint8Array, little: boolean): string | undefined {
  if (bytes.length % 4 !== 0) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let text = '';
  for (let i = 0; i < bytes.length; i += 4) {
    const point = view.getUint32(i, little);
    if (point > 0x10ffff) return undefined;
    text += String.fromCodePoint(point);
  }
  return text;
}
