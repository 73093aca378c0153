/** W10: no secret in an argument list, an output or a log. */
import { readdir, readFile } from 'node:fs/promises';

/** A place that others can read, and what stands there. */
export interface Sample {
  place: string;
  text: string;
}

export interface Leak {
  /** The name of the secret, never its value. */
  secret: string;
  place: string;
  /** How it stands there. */
  form: string;
}

/**
 * Looks for secrets as they are, and in the encodings that a tool may put them into.
 * @param secrets by name; values below four characters cannot be told from other text and are left out
 */
export function findLeaks(secrets: Readonly<Record<string, string>>, samples: readonly Sample[]): Leak[] {
  const needles = Object.entries(secrets)
    .filter(([, value]) => value.length >= 4)
    .flatMap(([secret, value]) => forms(value).map(([form, needle]) => ({ secret, form, needle })));
  return samples.flatMap(({ place, text }) =>
    needles.filter(({ needle }) => text.includes(needle)).map(({ secret, form }) => ({ secret, place, form })),
  );
}

function forms(value: string): [string, string][] {
  const bytes = Buffer.from(value);
  // In base64 it may stand behind any number of other bytes: three shifts, without the characters that its neighbours share.
  const shifts = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    return text.slice(shift === 0 ? 0 : shift + 1, (shift + bytes.length) % 3 === 0 ? undefined : -1);
  });
  const all: [string, string][] = [
    ['plain', value],
    ['URL encoded', encodeURIComponent(value)],
    ['JSON', JSON.stringify(value).slice(1, -1)],
    ['hex', bytes.toString('hex')],
    ...shifts.filter((text) => text.length >= 6).map((text): [string, string] => ['base64', text]),
  ];
  const seen = new Set<string>();
  return all.filter(([, needle]) => !seen.has(needle) && seen.add(needle));
}

export interface ArgvSampler extends AsyncDisposable {
  /** Every argument list seen so far, each once. */
  samples(): Sample[];
}

/**
 * Reads the argument lists of all processes of this machine over and over, as any other user of it could.
 * @param every milliseconds between two readings
 * @throws Error where there is no /proc
 */
export async function sampleArgv(every = 5): Promise<ArgvSampler> {
  const seen = new Map<string, Sample>();
  const self = String(process.pid);
  const read = async (): Promise<void> => {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && name !== self);
    await Promise.all(
      pids.map(async (pid) => {
        // A process that has ended meanwhile has nothing to read.
        const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
        if (text !== '') seen.set(text, { place: `argv of ${text.split('\0')[0]}`, text: text.replaceAll('\0', ' ') });
      }),
    );
  };
  await read();
  let stopped = false;
  const loop = (async () => {
    while (!stopped) {
      await read();
      await new Promise((resolve) => setTimeout(resolve, every));
    }
  })();
  return {
    samples: () => [...seen.values()],
    async [Symbol.asyncDispose]() {
      stopped = true;
      await loop;
    },
  };
}
