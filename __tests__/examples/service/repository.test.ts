import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { CORE_SCHEMA, load } from 'js-yaml';
import { parse } from 'yaml';

const SERVICE = fileURLToPath(new URL('../../../examples/histogram-eq/', import.meta.url));
const read = (name: string): Promise<string> => readFile(path.join(SERVICE, name), 'utf8');

interface Pin {
  name: string;
  version: string;
  hashes: string[];
}

function pins(text: string): Pin[] {
  const logical = text.replace(/\\\n/g, ' ').split('\n');
  return logical.flatMap((line) => {
    const match = /^([a-z0-9-]+)==(\S+)/.exec(line);
    const hashes = [...line.matchAll(/--hash=sha256:([0-9a-f]{64})(?=\s|$)/g)].map((hash) => hash[1] ?? '');
    return match === null ? [] : [{ name: match[1] ?? '', version: match[2] ?? '', hashes }];
  });
}

describe('pins', () => {
  test('every requirement is exact, hashed, and named once', async () => {
    const [run, dev] = [await read('requirements.txt'), await read('requirements-dev.txt')];
    expect(dev.startsWith('-r requirements.txt\n')).toBe(true);
    const all = [...pins(run), ...pins(dev)];
    expect(all.length).toBeGreaterThan(20);
    expect(new Set(all.map((pin) => pin.name)).size).toBe(all.length);
    for (const pin of all) expect(pin.hashes.length).toBeGreaterThan(0);
    const starts = `${run}\n${dev}`.split('\n').filter((line) => /^[a-z]/i.test(line));
    expect(starts.every((line) => /^[a-z0-9-]+==/.test(line))).toBe(true);
  });

  test('what pyproject.toml asks for is pinned', async () => {
    const dependencies = /^dependencies = \[(.*)\]$/m.exec(await read('pyproject.toml'))?.[1] ?? '';
    const wanted = [...dependencies.matchAll(/"([a-z-]+)>=/g)].map((match) => match[1] ?? '');
    const known = pins(await read('requirements.txt')).map((pin) => pin.name);
    expect(wanted).toHaveLength(4);
    for (const name of wanted) expect(known).toContain(name);
    expect((await read('requirements.in')).match(/^[a-z-]+(?=>=)/gm)).toEqual(wanted);
  });
});

describe('image', () => {
  test('pinned base, no syntax line, plain user, no shell at run time, faults off', async () => {
    const text = await read('Dockerfile');
    expect(text).not.toMatch(/^#\s*syntax=/m);
    expect(text).toMatch(/^ARG BASE_IMAGE=\S+@sha256:[0-9a-f]{64}$/m);
    expect(text.match(/^FROM .*/gm)).toEqual(['FROM ${BASE_IMAGE} AS deps', 'FROM ${BASE_IMAGE}']);
    const last = text.slice(text.lastIndexOf('FROM '));
    expect(last).not.toMatch(/^RUN /m);
    expect(last).toMatch(/^USER 65532:65532$/m);
    expect(last).toMatch(/^ENTRYPOINT \["python3", "-m"\]$/m);
    expect(last.match(/FAULT_[A-Z_]+=""/g)).toHaveLength(3);
  });

  test('the context is the package and the pins', async () => {
    const lines = (await read('.dockerignore')).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(lines).toEqual(['*', '!k8s_histogram_eq', '!requirements.txt', '**/__pycache__', '**/*.pyc']);
    const copied = [...(await read('Dockerfile')).matchAll(/^COPY (?!--from)(\S+)/gm)].map((match) => match[1]);
    expect(copied.sort()).toEqual(['k8s_histogram_eq', 'requirements.txt']);
  });
});

describe('delivery files', () => {
  test('the required check is the gate of the job that calls deliver.yml', async () => {
    const workflow = load(await read('.github/workflows/deliver.yml'), { schema: CORE_SCHEMA }) as {
      permissions: object;
      jobs: Record<string, { uses: string; with: Record<string, string> }>;
    };
    expect(workflow.permissions).toEqual({});
    const [job] = Object.keys(workflow.jobs);
    const ruleset = JSON.parse(await read('.github/rulesets/golden-rule.json')) as {
      rules: { type: string; parameters?: { required_status_checks?: { context: string }[] } }[];
    };
    const checks = ruleset.rules.find((rule) => rule.type === 'required_status_checks');
    expect(checks?.parameters?.required_status_checks?.map((check) => check.context)).toEqual([`${job} / gate`]);
    expect(ruleset.rules.map((rule) => rule.type)).toEqual(
      expect.arrayContaining(['deletion', 'non_fast_forward', 'pull_request']),
    );
    expect(workflow.jobs.deliver?.uses).toBe('org/actions/.github/workflows/deliver.yml@v1');
  });

  test('the caller passes only inputs and secrets that deliver.yml has, and all that it requires', async () => {
    const caller = load(await read('.github/workflows/deliver.yml')) as { jobs: { deliver: Caller } };
    const file = fileURLToPath(new URL('../../../workflows/deliver.yml', import.meta.url));
    const callee = load(await readFile(file, 'utf8')) as { on: { workflow_call: Callee } };
    const { inputs, secrets } = callee.on.workflow_call;
    for (const name of Object.keys(caller.jobs.deliver.with)) expect(inputs).toHaveProperty(name);
    for (const name of Object.keys(caller.jobs.deliver.secrets)) expect(secrets).toHaveProperty(name);
    const required = Object.entries(inputs).flatMap(([name, input]) => (input.required === true ? [name] : []));
    expect(Object.keys(caller.jobs.deliver.with)).toEqual(expect.arrayContaining(required));
  });

  test('dependabot waits at least three days, for every ecosystem', async () => {
    const config = load(await read('.github/dependabot.yml')) as {
      updates: { 'package-ecosystem': string; cooldown: { 'default-days': number } }[];
    };
    expect(config.updates.map((update) => update['package-ecosystem'])).toEqual(['pip', 'docker', 'github-actions']);
    for (const update of config.updates) expect(update.cooldown['default-days']).toBeGreaterThanOrEqual(3);
  });

  test('compose: a master, two workers, read-only, healthy before used', async () => {
    const compose = parse(await read('docker-compose.yml'), { merge: true }) as {
      services: Record<string, { read_only: boolean; deploy?: { replicas: number }; command: string[] }>;
    };
    expect(Object.keys(compose.services)).toEqual(['master', 'worker']);
    expect(compose.services.worker?.deploy?.replicas).toBe(2);
    const modules = await readdir(path.join(SERVICE, 'k8s_histogram_eq'));
    for (const service of Object.values(compose.services)) {
      expect(service.read_only).toBe(true);
      expect(modules).toContain(`${service.command[0]?.split('.')[1]}.py`);
    }
  });
});

interface Caller {
  with: Record<string, string>;
  secrets: Record<string, string>;
}

interface Callee {
  inputs: Record<string, { required?: boolean }>;
  secrets: Record<string, object>;
}
