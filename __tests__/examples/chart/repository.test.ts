import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { CORE_SCHEMA, load } from 'js-yaml';
import { typeCheck, validate } from './models.ts';
import { at, CHART, delivered, type Manifest, parse, render } from './support.ts';

const read = (name: string): Promise<string> => readFile(path.join(CHART, name), 'utf8');
const object = async (name: string): Promise<Manifest> => parse(await read(`argocd/${name}.yaml`))[0] as Manifest;

describe('Argo CD objects', () => {
  test('are valid and have no unknown key', async () => {
    const all = await Promise.all(['appproject', 'application', 'applicationset'].map(object));
    for (const manifest of all) await validate(manifest);
    expect(await typeCheck(all)).toEqual(['', '', '']);
  });

  test('the project allows one repository, two namespaces, nothing cluster-wide', async () => {
    const project = await object('appproject');
    expect(at(project, 'spec.sourceRepos')).toHaveLength(1);
    expect(at(project, 'spec.destinations')).toHaveLength(2);
    expect(at(project, 'spec.clusterResourceWhitelist')).toEqual([]);
  });

  test('the project allows every kind that the chart can render', async () => {
    const project = await object('appproject');
    const allowed = at(project, 'spec.namespaceResourceWhitelist') as { group: string; kind: string }[];
    const known = new Set(allowed.map((entry) => `${entry.group}/${entry.kind}`));
    const all = await render('production', [...delivered(5), 'master.autoscaling.enabled=true']);
    const rolling = await render('staging', ['strategy=rolling', ...delivered()]);
    const rollouts = await render('staging', ['strategy=canary', 'router=rollouts', ...delivered()]);
    const kinds = [...all.manifests, ...rolling.manifests, ...rollouts.manifests].map((manifest) => {
      const group = manifest.apiVersion.includes('/') ? manifest.apiVersion.split('/')[0] : '';
      return `${group}/${manifest.kind}`;
    });
    expect([...new Set(kinds)].filter((kind) => !known.has(kind))).toEqual([]);
    expect(known.size).toBe(new Set(kinds).size);
  });

  test('applications prune, heal, and prune last; Git alone writes weights', async () => {
    const application = await object('application');
    const template = at(await object('applicationset'), 'spec.template');
    for (const spec of [at(application, 'spec'), at(template, 'spec')]) {
      expect(at(spec, 'syncPolicy.automated')).toEqual({ prune: true, selfHeal: true });
      expect(at(spec, 'syncPolicy.syncOptions')).toEqual(['PruneLast=true']);
      expect(at(spec, 'source.targetRevision')).toBe('refs/heads/main');
      expect(at(spec, 'ignoreDifferences')).toBeUndefined();
      expect(at(spec, 'project')).toBe('histogram-eq');
    }
  });

  test('the paths that make Argo CD look again exist and are all that is rendered from', async () => {
    const paths =
      (await object('application')).metadata.annotations?.['argocd.argoproj.io/manifest-generate-paths'] ?? '';
    const top = await readdir(CHART);
    const named = paths.split(';').map((entry) => entry.slice(1));
    for (const entry of named) expect(top).toContain(entry.split('/')[0]);
    const rest = top.filter((entry) => !named.some((name) => name.split('/')[0] === entry));
    expect(rest.sort()).toEqual(['.github', '.helmignore', 'README.md', 'argocd']);
  });
});

describe('environments', () => {
  test.each(['staging', 'production'])('%s has the keys that a delivery writes, empty', async (environment) => {
    const values = load(await read(`env/${environment}/values.yaml`), { schema: CORE_SCHEMA });
    for (const image of ['image', 'canary.image'])
      for (const key of ['tag', 'digest', 'revision']) expect(at(values, `${image}.${key}`)).toBe('');
    expect(at(values, 'canary.weight')).toBe(0);
    expect(at(values, 'image.repository')).toBe('ghcr.io/org/histogram-eq');
  });

  test('production wants digests', async () => {
    expect(at(load(await read('env/production/values.yaml')), 'requireDigest')).toBe(true);
  });
});

describe('rules of the repository', () => {
  test('people need a reviewed pull request, the delivery App does not', async () => {
    const ruleset: unknown = JSON.parse(await read('.github/rulesets/config.json'));
    const rules = at(ruleset, 'rules') as { type: string }[];
    expect(rules.map((rule) => rule.type)).toEqual([
      'deletion',
      'non_fast_forward',
      'pull_request',
      'required_status_checks',
    ]);
    expect(at(ruleset, 'bypass_actors.0')).toMatchObject({ actor_type: 'Integration', bypass_mode: 'always' });
    const workflow = load(await read('.github/workflows/validate.yml'));
    const context = String(at(ruleset, 'rules.3.parameters.required_status_checks.0.context'));
    expect(at(workflow, `jobs.${context}`)).toBeDefined();
  });

  test('every path in CODEOWNERS exists', async () => {
    const lines = (await read('.github/CODEOWNERS')).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    const folders = lines.map((line) => line.split(/\s+/)[0] ?? '').filter((pattern) => pattern !== '*');
    expect(folders).toHaveLength(2);
    for (const folder of folders) expect(await readdir(path.join(CHART, folder))).toContain('values.yaml');
  });
});
