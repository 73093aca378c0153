/** The private directory of one run: credentials, secret files, the Dockerfile that is built, what the engine writes. */
import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Credentials, dockerAuthKey } from '../oci/index.ts';

export class Workdir implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async open(temp: string, id: string): Promise<Workdir> {
    const path = join(temp, `build-image-${id}`);
    await mkdir(path, { recursive: true, mode: 0o700 });
    await chmod(path, 0o700);
    return new Workdir(path);
  }

  file(name: string): string {
    return join(this.path, name);
  }

  async write(name: string, content: string | Uint8Array): Promise<string> {
    const path = this.file(name);
    await mkdir(join(path, '..'), { recursive: true, mode: 0o700 });
    await writeFile(path, content, { mode: 0o600 });
    return path;
  }

  /** A name in here for something of the user's, which is not written. */
  async link(name: string, target: string): Promise<void> {
    await symlink(target, this.file(name)).catch(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true, maxRetries: 3 });
  }
}

type Logins = ReadonlyMap<string, Credentials>;

/** Content of an auth file with these logins alone. An identity token has a field of its own. */
export function authFile(logins: Logins): string {
  const auths = [...logins].map(([host, { username, password }]) => {
    const token = username === '<token>';
    const auth = Buffer.from(token ? `${username}:` : `${username}:${password}`).toString('base64');
    return [dockerAuthKey(host), token ? { auth, identitytoken: password } : { auth }];
  });
  return JSON.stringify({ auths: Object.fromEntries(auths) });
}

/**
 * A docker config with our logins on top of the user's file, which is never written.
 * An empty helper for our hosts makes the client read `auths` although `credsStore` is set; the plugin folder is named,
 * because a moved config directory would lose it.
 */
export function dockerConfig(user: string, logins: Logins, pluginDir: string): string {
  let config: Record<string, unknown> = {};
  try {
    config = JSON.parse(user) as Record<string, unknown>;
  } catch {
    // No file, or one that docker could not read either.
  }
  const ours = JSON.parse(authFile(logins)) as { auths: object };
  const helpers = Object.fromEntries([...logins.keys()].map((host) => [dockerAuthKey(host), '']));
  return JSON.stringify({
    ...config,
    auths: { ...(config.auths as object | undefined), ...ours.auths },
    credHelpers: { ...(config.credHelpers as object | undefined), ...helpers },
    cliPluginsExtraDirs: [...((config.cliPluginsExtraDirs as string[] | undefined) ?? []), pluginDir],
  });
}
