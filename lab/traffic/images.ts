/** Small seeded images, as PNG bytes: the same seed gives the same bytes on every machine. */
import { crc32, deflateSync } from 'node:zlib';

type ColourType = 'grey' | 'rgb' | 'rgba';

const CHANNELS: Record<ColourType, number> = { grey: 1, rgb: 3, rgba: 4 };
const PNG_COLOUR: Record<ColourType, number> = { grey: 0, rgb: 2, rgba: 6 };

/**
 * A generator of numbers in [0, 1), the same for the same seed (mulberry32; enough for test data, for nothing else).
 */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * Dull photographs, so to speak: soft gradients with noise in a narrow range of levels, which is what equalization is for.
 * @param seed same seed, same bytes
 * @param count how many; sizes from 16x16 to 63x63 and the colour types take turns
 */
export function makeImages(seed: number, count = 8): readonly Uint8Array[] {
  const random = seededRandom(seed);
  const types: readonly ColourType[] = ['grey', 'rgb', 'rgba'];
  return Array.from({ length: count }, (_, index) => {
    const type = types[index % types.length] ?? 'grey';
    const width = 16 + Math.floor(random() * 48);
    const height = 16 + Math.floor(random() * 48);
    const dark = Math.floor(random() * 120);
    const span = 20 + Math.floor(random() * 80);
    const pixels = new Uint8Array(width * height * CHANNELS[type]);
    let at = 0;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        for (let channel = 0; channel < CHANNELS[type]; channel++) {
          const slope = (x / width + (y / height) * (channel + 1)) / (channel + 2);
          pixels[at++] = Math.min(255, dark + Math.floor(slope * span + random() * 12));
        }
      }
    }
    return encodePng(type, width, height, pixels);
  });
}

/** A PNG of 8-bit channels without filters or metadata. `pixels` holds the rows one after the other. */
function encodePng(type: ColourType, width: number, height: number, pixels: Uint8Array): Uint8Array {
  const row = width * CHANNELS[type];
  const raw = Buffer.alloc((row + 1) * height);
  for (let y = 0; y < height; y++) raw.set(pixels.subarray(y * row, (y + 1) * row), y * (row + 1) + 1);
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head[8] = 8;
  head[9] = PNG_COLOUR[type];
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(raw)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}
