/** The input install-buildx: the one download there is, of a pinned version whose checksum the user wrote down. */
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Http, HttpError } from '../http/index.ts';
import { sha256 } from '../oci/index.ts';
import { ActionError } from '../runner/index.ts';
import type { PinnedDownload } from './input-forms.ts';

export interface DownloadOptions {
  http: Http;
  /** Where releases are; https, or loopback in tests. */
  origin?: string;
  /** Kept there from run to run (RUNNER_TOOL_CACHE), or in the private folder. */
  folder: string;
  signal: AbortSignal;
}

const MAX_BYTES = 256 * 1024 * 1024;
const MAX_REDIRECTS = 5;

/** @returns path of the program @throws ActionError E_DOWNLOAD; a file with another checksum is gone then */
export async function installBuildx(pin: PinnedDownload, options: DownloadOptions): Promise<string> {
  const path = join(options.folder, 'docker-buildx', pin.sha256, 'docker-buildx');
  const kept = await readFile(path).catch(() => undefined);
  if (kept !== undefined && sha256(kept) === `sha256:${pin.sha256}`) return path;
  await rm(path, { force: true });
  const { origin = 'https://github.com' } = options;
  const name = `buildx-${pin.version}.linux-${architecture()}`;
  const bytes = await download(new URL(`${origin}/docker/buildx/releases/download/${pin.version}/${name}`), options);
  const found = sha256(bytes);
  if (found !== `sha256:${pin.sha256}`) throw problem(name, `its checksum is ${found}, not the one given`);
  await mkdir(join(path, '..'), { recursive: true });
  // Renamed into place whole: two jobs of one machine may do this at once.
  const part = `${path}.${process.pid}`;
  await writeFile(part, bytes);
  await chmod(part, 0o755);
  await rename(part, path);
  return path;
}

async function download(start: URL, { http, signal }: DownloadOptions): Promise<Uint8Array> {
  let url = start;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
    try {
      const response = await http.send({ method: 'GET', url, signal });
      const location = response.headers.get('location');
      if (response.status >= 300 && response.status < 400 && location !== null && URL.canParse(location, url.href)) {
        await response.discard();
        url = new URL(location, url);
        continue;
      }
      if (response.status === 200) return await response.bytes(MAX_BYTES);
      await response.discard();
      throw problem(start.pathname, `${url.host} answered ${response.status}`);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw error instanceof HttpError ? problem(start.pathname, error.message) : error;
    }
  }
  throw problem(start.pathname, `more than ${MAX_REDIRECTS} redirects`);
}

function architecture(): string {
  const names: Readonly<Record<string, string>> = { x64: 'amd64', arm: 'arm-v7', ppc64: 'ppc64le' };
  return names[process.arch] ?? process.arch;
}

function problem(what: string, why: string): ActionError {
  const fix = 'Check version and checksum of install-buildx, or install buildx on the runner';
  return new ActionError('E_DOWNLOAD', { what: `download ${what}`, why, fix });
}
