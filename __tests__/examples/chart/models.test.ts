import { describe, expect, test } from '@jest/globals';
import { typeCheck, validate } from './models.ts';
import type { Manifest } from './support.ts';

const service = (spec: Record<string, unknown>): Manifest => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'x' },
  spec,
});

describe('the checks themselves', () => {
  test('the validators find wrong types and missing keys', async () => {
    await expect(validate(service({ ports: [{ port: 80 }] }))).resolves.toBeUndefined();
    await expect(validate(service({ ports: [{ port: 'eighty' }] }))).rejects.toThrow('port');
    await expect(validate(service({ ports: [{ name: 'http' }] }))).rejects.toThrow('port');
  });

  test('the compiler finds unknown keys, and says for which manifest', async () => {
    const [good, bad] = await typeCheck([
      service({ ports: [{ port: 80 }] }),
      service({ ports: [{ port: 80, prot: 1 }] }),
    ]);
    expect(good).toBe('');
    expect(bad).toContain('prot');
  });

  test('an unknown kind is an error, not a pass', async () => {
    await expect(validate({ ...service({}), kind: 'Servise' })).rejects.toThrow('no model is known');
  });
});
