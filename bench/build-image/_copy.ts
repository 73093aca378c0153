/** Ways to give an image that exists another name: ours, and two programs made for it. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Lab, type Ran, runBundle, runScript, type Way } from './_lab.ts';

export const OURS = 'ours, mode promote';

/** @param names source and target of a run, `host/repository@digest` and `host/repository:tag` */
export async function copyWays(
  lab: Lab,
  names: (way: number, n: number) => { source: string; target: string },
  before: (n: number) => Promise<unknown>,
): Promise<Way[]> {
  const workspace = join(lab.temp, 'empty');
  await mkdir(workspace);
  const { missing } = lab.services;
  const script =
    (text: string, way: number) =>
    (n: number): Promise<Ran> => {
      const { source, target } = names(way, n);
      return runScript(lab, text, { SOURCE: source, TARGET: target });
    };
  return [
    {
      name: OURS,
      before,
      run(n) {
        const { source, target } = names(0, n);
        const [, image = '', tag = ''] = /^(.+):([^:/]+)$/.exec(target) ?? [];
        return runBundle(lab, workspace, { mode: 'promote', source, image, tags: `raw:${tag}` });
      },
    },
    {
      name: 'skopeo copy',
      missing: missing.skopeo,
      before,
      run: script(
        'exec skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$SOURCE" "docker://$TARGET"',
        1,
      ),
    },
    {
      name: 'docker buildx imagetools create',
      missing: missing.buildx,
      before,
      run: script('exec docker buildx imagetools create --progress=quiet -t "$TARGET" "$SOURCE"', 2),
    },
  ];
}
