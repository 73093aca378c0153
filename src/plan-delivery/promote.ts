/** Promotion: what an environment runs, and whether that may go further. Nothing is built; only the digest moves. */
import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import type { CurrentValues } from './types.ts';

/** What Argo CD says of the environment. */
export interface LiveState {
  sync: string;
  health: string;
  /** As the manifests name them, `repository@digest`. */
  images: readonly string[];
}

export interface Promoted {
  /** `registry/repository` */
  image: string;
  tag: string;
  digest: string;
  /** Full source commit that it was built from. */
  revision: string;
}

/**
 * @param live undefined: Argo CD is not asked, the values are believed
 * @param file name of the values file, for messages
 * @throws ActionError E_PLAN_PROMOTE_BUSY (a canary or a preview in flight), E_PLAN_PROMOTE_DIGEST (no digest, or no commit
 *   that it was built from), E_PLAN_PROMOTE_HEALTH (not Synced and Healthy on exactly that digest)
 */
export function planPromotion(from: CurrentValues, live: LiveState | undefined, file: string): Promoted {
  const what = `promotion of what ${oneLine(file, 200)} runs`;
  const { canary, stable } = from;
  if (canary !== undefined && (canary.image.digest || canary.image.tag || Number(canary.weight)))
    throw new ActionError('E_PLAN_PROMOTE_BUSY', {
      what,
      why: `a canary ${oneLine(canary.image.digest || canary.image.tag || '', 80)} is in flight at ${oneLine(canary.weight ?? '', 10)} %`,
      fix: 'Wait for the end of that delivery, or revert it, and run this again',
    });
  const missing = (['repository', 'tag', 'digest', 'revision'] as const).filter((key) => !stable[key]);
  if (missing.length > 0)
    throw new ActionError('E_PLAN_PROMOTE_DIGEST', {
      what,
      why: `its image has no ${missing.join(', ')}: what would be promoted is not proven`,
      fix: 'Deliver there first; a handoff writes all four',
    });
  const { repository = '', tag = '', digest = '', revision = '' } = stable;
  if (!/^sha256:[0-9a-f]{64}$/.test(digest) || !/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(revision))
    throw new ActionError('E_PLAN_PROMOTE_DIGEST', {
      what,
      why: `"${oneLine(digest, 80)}" is not a digest, or "${oneLine(revision, 80)}" no full commit`,
      fix: 'Deliver there first; a handoff writes both',
    });
  const problem = live === undefined ? undefined : unfit(live, repository, digest);
  if (problem !== undefined)
    throw new ActionError('E_PLAN_PROMOTE_HEALTH', {
      what,
      why: problem,
      fix: 'Promote when it is Synced and Healthy on that digest',
    });
  return { image: repository, tag, digest, revision };
}

function unfit({ sync, health, images }: LiveState, repository: string, digest: string): string | undefined {
  if (sync !== 'Synced' || health !== 'Healthy') return `Argo CD says ${sync}, ${health}`;
  // Pods may have other containers; of this image there must be one version.
  const ours = images.filter((image) => image.startsWith(`${repository}@`) || image.startsWith(`${repository}:`));
  const other = ours.find((image) => !image.endsWith(`@${digest}`));
  if (ours.length > 0 && other === undefined) return undefined;
  return other === undefined ? `no pod runs ${digest}` : `pods run ${oneLine(other, 200)} too`;
}
