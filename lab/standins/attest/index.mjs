// Stand-in for actions/attest: statement and storage are real, the signature is missing (there is no Sigstore in the lab).
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { call } from '../kit/api.mjs';
import { flag, input, lines, main, notice, output } from '../kit/io.mjs';
import { collect } from '../kit/tree.mjs';

await main(async () => {
  for (const name of ['subject-checksums', 'sbom-path']) {
    if (input(name) !== '') throw new Error(`${name}: not supported by the lab's attest`);
  }
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: subjects(),
    ...predicate(),
  };
  const bundle = {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: {},
    dsseEnvelope: {
      payload: Buffer.from(JSON.stringify(statement)).toString('base64'),
      payloadType: 'application/vnd.in-toto+json',
      signatures: [],
    },
  };
  if (flag('push-to-registry', false)) checkLogin(input('subject-name').split('/')[0]);
  const path = join(process.env.RUNNER_TEMP, 'attestation.json');
  writeFileSync(path, `${JSON.stringify(bundle)}\n`);
  const repository = process.env.GITHUB_REPOSITORY;
  const answer = await call('POST', `/repos/${repository}/attestations`, input('github-token', { required: true }), {
    bundle,
  });
  output('bundle-path', path);
  output('attestation-id', String(answer?.id ?? ''));
  output('attestation-url', `${process.env.GITHUB_SERVER_URL}/${repository}/attestations/${answer?.id}`);
  notice('lab: unsigned: the attestation is kept at the forge without a signature');
  if (flag('show-summary', true) && process.env.GITHUB_STEP_SUMMARY) {
    const names = statement.subject.map((s) => `- \`${s.name.replaceAll('`', "'")}\` sha256:${s.digest.sha256}`);
    appendFileSync(process.env.GITHUB_STEP_SUMMARY, `### Attestation (lab: unsigned)\n\n${names.join('\n')}\n`);
  }
});

// The action looks for a login in $HOME/.docker/config.json, whatever DOCKER_CONFIG says, and ends without one. The lab's own
// registry wants none.
function checkLogin(host) {
  const file = join(process.env.HOME ?? '', '.docker/config.json');
  const auths = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')).auths ?? {}) : {};
  const found = Object.keys(auths).find((key) => key.includes(host));
  if (found !== undefined) console.log(`lab: login for ${found} found`);
  else if (!/^127\.0\.0\.1:/.test(host)) throw new Error(`No credentials found for registry ${host}`);
}

function subjects() {
  const digest = input('subject-digest');
  const paths = lines('subject-path');
  if ((digest === '') === (paths.length === 0))
    throw new Error('One of subject-path or subject-digest must be provided');
  if (digest !== '') {
    const name = input('subject-name');
    if (name === '') throw new Error('subject-name must be provided when using subject-digest');
    if (!/^sha256:[0-9a-f]{64}$/.test(digest))
      throw new Error(`subject-digest: "${digest}" is not sha256:<64 hex digits>`);
    return [{ name, digest: { sha256: digest.slice('sha256:'.length) } }];
  }
  const { files } = collect(paths, { hidden: true });
  if (files.length === 0) throw new Error(`subject-path: no file matches ${paths.join(', ')}`);
  return files.map((file) => ({
    name: input('subject-name') || basename(file),
    digest: { sha256: createHash('sha256').update(readFileSync(file)).digest('hex') },
  }));
}

function predicate() {
  const type = input('predicate-type');
  if (type !== '') {
    const text = input('predicate-path') === '' ? input('predicate') : readFileSync(input('predicate-path'), 'utf8');
    return { predicateType: type, predicate: JSON.parse(text) };
  }
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run } = process.env;
  const [, workflowPath = ''] = /^[^/]+\/[^/]+\/(.+)@/.exec(process.env.GITHUB_WORKFLOW_REF ?? '') ?? [];
  return {
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: 'https://actions.github.io/buildtypes/workflow/v1',
        externalParameters: {
          workflow: { ref: process.env.GITHUB_REF, repository: `${server}/${repository}`, path: workflowPath },
        },
        internalParameters: { github: { event_name: process.env.GITHUB_EVENT_NAME } },
        resolvedDependencies: [
          {
            uri: `git+${server}/${repository}@${process.env.GITHUB_REF}`,
            digest: { gitCommit: process.env.GITHUB_SHA },
          },
        ],
      },
      runDetails: {
        builder: { id: `${server}/${process.env.GITHUB_WORKFLOW_REF}` },
        metadata: {
          invocationId: `${server}/${repository}/actions/runs/${run}/attempts/${process.env.GITHUB_RUN_ATTEMPT}`,
        },
      },
    },
  };
}
