/** The walk along the chain: from what runs back to what was asked for. */
import type { ArgoCd } from '../argocd/index.ts';
import { type Digest, nameOf, type Registry, RegistryError } from '../oci/index.ts';
import { ActionError, type Deadline } from '../runner/index.ts';
import { podsOfApplication } from './argo.ts';
import type { AuditInputs } from './args.ts';
import { attestationLink, type Verify } from './attestation.ts';
import type { Forge } from './forge.ts';
import { type Found, findHandoff, handoffLink } from './handoff.ts';
import { type HelmPorts, render } from './helm.ts';
import { addressOf, chooseDigest, digestLink, imageLink, podLink } from './image-link.ts';
import { type Evidence, LINKS, type Link, type LinkName, linkOf, unreached } from './links.ts';
import { compareImages, imagesIn } from './manifests.ts';
import { type RunningPods, readPods } from './pods.ts';
import { digestOfTag, type ImageFacts, readImage } from './registry.ts';
import { reasonOf, runLink, type SourcePorts, sourceLink } from './source.ts';

export interface AuditPorts {
  deadline: Deadline;
  registry: Registry;
  config: Forge;
  source(repository: string): Forge;
  verify(repository: string, page: string): Verify;
  argo: ArgoCd | undefined;
  /** The text of a file, `-` is standard input. Rejects with what the system says. */
  readFile(path: string): Promise<string>;
  helm: HelmPorts;
}

/** @returns the eight links, in their order. @throws the reason of the deadline, and nothing else that is expected */
export async function audit(inputs: AuditInputs, ports: AuditPorts): Promise<Link[]> {
  const { image } = inputs;
  const links: Link[] = [];
  const seen = await running(inputs, ports);
  const pods = seen === undefined || 'problem' in seen ? undefined : seen;
  links.push(podLink(seen, image));
  const chosen =
    links[0]?.status === 'mismatch' ? unreached('digest', 'pod') : chooseDigest(pods, image, inputs.digest);
  if (typeof chosen !== 'string') {
    const broken = links[0]?.status === 'missing' || links[0]?.status === 'mismatch' ? 'pod' : 'digest';
    const digest = broken === 'pod' ? unreached('digest', 'pod') : chosen;
    return [...links, digest, ...LINKS.slice(2).map((name) => unreached(name, broken))];
  }
  return [...links, ...(await walk(inputs, ports, chosen, pods))];
}

async function walk(
  inputs: AuditInputs,
  ports: AuditPorts,
  digest: Digest,
  pods: RunningPods | undefined,
): Promise<Link[]> {
  const { image } = inputs;
  const ref = `${nameOf(image)}@${digest}`;
  const facts = await look('image', ports, () => readImage(ports.registry, image, digest));
  const known = facts !== undefined && 'status' in facts ? undefined : facts;
  const imageL = facts !== undefined && 'status' in facts ? facts : imageLink(facts, ref, inputs.sourceRepository);

  const config = await look('handoff', ports, () => configAt(inputs, ports, digest));
  const found = 'status' in config ? undefined : config.found;
  const handoffL = 'status' in config ? config : handoffOf(config);

  const repository =
    inputs.sourceRepository || addressOf(found?.first.sourceRepository || (known?.sources[0] ?? '')).repository;
  return [
    digestLink(pods, image, digest, known),
    imageL,
    handoffL,
    ...(await origins(ports, { digest, ref, repository, found, facts: known, imageStatus: imageL.status }, inputs)),
    'status' in config
      ? unreached('values', 'handoff')
      : await look('values', ports, () => valuesLink(inputs, ports, config, digest, pods)),
  ];
}

interface Config {
  head: string;
  found: Found | undefined;
  looked: number;
  all: boolean;
}

async function configAt({ configBranch, configRepository }: AuditInputs, ports: AuditPorts, digest: Digest) {
  const { missing } = linkOf('handoff');
  const branch = configBranch || (await ports.config.repository())?.defaultBranch || '';
  const head = branch === '' ? undefined : await ports.config.head(branch);
  if (head === undefined)
    return missing('the config repository, or its branch, is not there or may not be read', [
      ['repository', configRepository],
      ['branch', branch],
    ]);
  return { head, ...(await findHandoff(ports.config, head, digest)) };
}

function handoffOf({ head, found, looked, all }: Config): Link {
  if (found !== undefined && all) return handoffLink(found.first);
  const { missing } = linkOf('handoff');
  const evidence: Evidence = [
    ['head', head],
    ['commits', `${looked}${all ? '' : ' (the newest)'}`],
  ];
  return found === undefined
    ? missing('no commit has a trailer Image-Ref with this digest', evidence)
    : missing('its history is longer than what is looked through, so the first one may be older', evidence);
}

interface Origin {
  digest: Digest;
  ref: string;
  repository: string;
  found: Found | undefined;
  facts: ImageFacts | undefined;
  imageStatus: Link['status'];
}

/** The links that are read from the source repository: `source`, `run`, `attestation`. */
async function origins(ports: AuditPorts, o: Origin, inputs: AuditInputs): Promise<Link[]> {
  if (o.repository === '') {
    const broken = o.found === undefined ? 'handoff' : 'source';
    const why = 'neither the handoff, the image nor --source-repository names a source repository';
    return [
      o.found === undefined ? unreached('source', 'handoff') : linkOf('source').missing(why),
      unreached('run', broken),
      unreached('attestation', broken),
    ];
  }
  const forge = ports.source(o.repository);
  const facts = await look('source', ports, async () => {
    const read = await forge.repository();
    const evidence: Evidence = [['repository', o.repository]];
    return read ?? linkOf('source').missing('the source repository is not there, or may not be read', evidence);
  });
  if ('status' in facts) return [facts, unreached('run', 'source'), unreached('attestation', 'source')];
  const source: SourcePorts = {
    forge,
    repository: o.repository,
    facts,
    digestOfTag: (tag) => digestOfTag(ports.registry, inputs.image, tag),
  };
  const { found } = o;
  const built = {
    revision: o.facts?.revisions[0] ?? '',
    source: o.facts?.sources[0] ?? '',
    key: o.facts?.keys[0] ?? '',
  };
  return [
    found === undefined
      ? unreached('source', 'handoff')
      : // A broken image is named once: without its labels the commit of the handoff stands for itself.
        await look('source', ports, () =>
          sourceLink(
            found.first,
            o.imageStatus === 'ok' ? built : { ...built, revision: found.first.sourceRevision, source: '' },
            o.digest,
            source,
          ),
        ),
    found === undefined ? unreached('run', 'handoff') : await look('run', ports, () => runLink(found.first, source)),
    await look('attestation', ports, async () =>
      attestationLink(await forge.attestations(o.digest), o.ref, o.digest, ports.verify(o.repository, facts.page)),
    ),
  ];
}

async function valuesLink(
  inputs: AuditInputs,
  ports: AuditPorts,
  { head, found }: Config,
  digest: Digest,
  pods: RunningPods | undefined,
): Promise<Link> {
  const { missing, mismatch, unverified } = linkOf('values');
  const values = inputs.paths.length > 0 ? inputs.paths : [found?.newest.file ?? ''].filter((file) => file !== '');
  if (values.length === 0) return unreached('values', 'handoff');
  const evidence: Evidence = [['head', head], ...values.map((file) => ['values', file] as const)];
  const answer = await render(ports.config, head, values, ports.helm);
  if (answer.kind === 'missing') return missing(answer.why, evidence);
  if (answer.kind === 'no-helm') return unverified('there is no helm on PATH', evidence);
  if (answer.kind === 'refused') return mismatch(`it does not render: ${answer.why}`, evidence);
  return compareImages(imagesIn(answer.manifests), pods, inputs.image, digest, evidence);
}

async function running(
  { running, image }: AuditInputs,
  ports: AuditPorts,
): Promise<RunningPods | { problem: string } | undefined> {
  if (running.kind === 'nobody') return undefined;
  if (running.kind === 'file') {
    const text = await ports.readFile(running.path).catch((error: NodeJS.ErrnoException) => ({
      problem: `the file cannot be read (${error.code ?? 'unknown'})`,
    }));
    return typeof text === 'string' ? readPods(text) : text;
  }
  if (ports.argo === undefined) return { problem: 'Argo CD is not set up' };
  try {
    return await podsOfApplication(ports.argo, running.application, image, ports.deadline);
  } catch (error) {
    if (ports.deadline.signal.aborted) throw error;
    return { problem: reasonOf(error) };
  }
}

/** What cannot be read proves nothing: the link is missing then. Bytes that are not those of their digest are a mismatch. */
async function look<T>(name: LinkName, ports: AuditPorts, body: () => Promise<T>): Promise<T | Link> {
  try {
    return await body();
  } catch (error) {
    if (ports.deadline.signal.aborted || !(error instanceof ActionError)) throw error;
    const { missing, mismatch } = linkOf(name);
    if (error instanceof RegistryError && error.code === 'E_DIGEST')
      return mismatch(`the registry serves other bytes: ${error.facts.why}`);
    return missing(reasonOf(error));
  }
}
