/** Each engine by hand: what a workflow step would run. */
import { type Lab, type Ran, runScript } from './_lab.ts';
import type { Service } from './_service.ts';

interface Hand {
  name: string;
  missing: string | undefined;
  /** Builds and pushes `image:tag`. */
  run(service: Service, tag: string): Promise<Ran>;
  /** Inputs of ours that use the same engine. */
  inputs: Readonly<Record<string, string>>;
  env: Readonly<Record<string, string>>;
}

/** @returns buildah first, which the fewest machines lack */
export function engines(lab: Lab): Hand[] {
  const { env, plain, missing } = lab.services;
  const hand = (
    name: string,
    needs: string,
    script: string,
    inputs: Readonly<Record<string, string>>,
    variables: Readonly<Record<string, string>> = env,
  ): Hand => ({
    name,
    missing: missing[needs],
    inputs,
    env: variables,
    run: ({ image, folder }, tag) => runScript(lab, script, { REF: `${image}:${tag}`, CONTEXT: folder }, variables),
  });
  const buildah = 'buildah build -q --layers -t "$REF" "$CONTEXT"; buildah push -q --tls-verify=false "$REF"';
  // --provenance=false: without it the image would be an index, and a rebuild another image.
  const buildx = 'docker buildx build --push --provenance=false --progress=quiet -t "$REF"';
  return [
    hand('buildah build --layers && buildah push', 'buildah', buildah, { engine: 'buildah' }),
    hand(
      'docker build && docker push',
      'docker',
      'docker build -q -t "$REF" "$CONTEXT"; docker push -q "$REF"',
      { engine: 'docker' },
      plain,
    ),
    hand(
      'docker buildx build --push, builder of docker',
      'buildx of docker',
      `${buildx} --builder default "$CONTEXT"`,
      { engine: 'buildx', builder: 'default' },
    ),
    hand('docker buildx build --push, BuildKit', 'buildx of BuildKit', `${buildx} --builder bench "$CONTEXT"`, {
      engine: 'buildx',
      builder: 'bench',
    }),
  ];
}
