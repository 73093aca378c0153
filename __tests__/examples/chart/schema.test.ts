import { describe, expect, test } from '@jest/globals';
import { CANARY, delivered, render, STABLE } from './support.ts';

describe('the schema of the values refuses', () => {
  test('trap 23: only a tag in production', async () => {
    const result = await render('production', ['image.tag=v1']);
    expect(result.code).not.toBe(0);
    expect(result.stderr).toContain("at '/image/digest'");
    expect((await render('staging', ['image.tag=v1'])).code).toBe(0);
  });

  test('a canary that is named by its tag alone, in every environment', async () => {
    for (const environment of ['staging', 'production']) {
      const result = await render(environment, [...delivered(), 'canary.image.tag=v2', 'canary.weight=5']);
      expect(result.stderr).toContain("at '/canary/image/digest'");
    }
  });

  test.each([
    ['an unknown key', 'canary.wieght=5', 'wieght'],
    ['an unknown key at the top', 'replicas=5', 'replicas'],
    ['an unknown key of the image', 'image.digset=x', 'digset'],
    ['an unknown strategy', 'strategy=blue', '/strategy'],
    ['an unknown router', 'router=mesh', '/router'],
    ['a weight above 100', 'canary.weight=101', '/canary/weight'],
    ['a weight that is text', 'canary.weight=5%', '/canary/weight'],
    ['a short digest', 'image.digest=sha256:abc', '/image/digest'],
    ['a short revision', 'image.revision=abc1234', '/image/revision'],
    ['a tag with a slash', 'image.tag=a/b', '/image/tag'],
    ['a repository with a tag', 'image.repository=ghcr.io/org/app:v1', '/image/repository'],
    ['an unknown slot', 'blueGreen.active=red', '/blueGreen/active'],
    ['a slot that is named by its tag alone', 'blueGreen.green.image.tag=v2', '/blueGreen/green/image/digest'],
    ['a weight of Argo Rollouts that is the end', 'rollouts.weights={5,100}', '/rollouts/weights'],
    ['a pause without a unit', 'rollouts.pause=10', '/rollouts/pause'],
    ['no replica', 'master.replicas=0', '/master/replicas'],
    ['a variable that the chart sets', 'env.WORKERS=http://elsewhere:1', 'WORKERS'],
    ['a setting that is not known', 'settings.MAX_BITES=1', 'MAX_BITES'],
    ['a name that is no label', 'app=Histogram', '/app'],
  ])('%s', async (_what, pair, named) => {
    const result = await render('production', [...delivered(), pair]);
    expect(result.code).not.toBe(0);
    expect(result.stderr).toContain(named);
  });

  test('a canary without a stable version, with a text that says what to do', async () => {
    const result = await render('production', [
      'canary.image.tag=v2',
      `canary.image.digest=${CANARY}`,
      'canary.weight=5',
    ]);
    expect(result.code).not.toBe(0);
    expect(result.stderr).toContain('there is no stable version to share the traffic with');
  });

  test('an image without a repository', async () => {
    const result = await render('production', ['image.repository=', 'image.tag=v1', `image.digest=${STABLE}`]);
    expect(result.stderr).toContain('image.repository is empty');
  });

  test('nothing of the plain values of the chart', async () => {
    expect((await render(undefined)).code).toBe(0);
    expect((await render(undefined, ['env.FAULT_SEED=7', ...delivered()])).stdout).toContain('FAULT_SEED');
  });
});
