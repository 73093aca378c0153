import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { describeApplication, readApplication } from '../../src/argocd/application.ts';
import { applicationJson } from './support.ts';

const REVISION = 'a'.repeat(40);

describe('readApplication', () => {
  test('reads one source and several', () => {
    expect(readApplication(applicationJson({ revision: REVISION }))).toEqual({
      sync: 'Synced',
      revisions: [REVISION],
      health: 'Healthy',
      healthMessage: '',
      operation: { phase: 'Succeeded', message: '', revisions: [REVISION] },
      pending: false,
      problems: [],
      history: [],
      images: [],
    });
    expect(readApplication(applicationJson({ revisions: ['1.2.3', REVISION] }))?.revisions).toEqual([
      '1.2.3',
      REVISION,
    ]);
  });
  test('reads what was applied so far, and what runs', () => {
    const history = [{ id: 0, revision: REVISION }, { id: 1, revisions: ['1.2.3', 'b'.repeat(40)] }, null];
    const summary = { images: ['r.example/shop@sha256:1', 7, ''] };
    expect(readApplication({ metadata: {}, status: { history, summary } })).toMatchObject({
      history: [REVISION, '1.2.3', 'b'.repeat(40)],
      images: ['r.example/shop@sha256:1'],
    });
  });
  test('an operation that ended before it had manifests stands for what it set out to apply', () => {
    const operationState = { phase: 'Error', operation: { sync: { revision: REVISION } } };
    expect(readApplication({ metadata: {}, status: { operationState } })?.operation?.revisions).toEqual([REVISION]);
  });
  test('an Application that Argo CD has not looked at yet', () => {
    const state = readApplication({ metadata: { name: 'web' }, operation: { sync: {} } });
    expect(state).toMatchObject({
      sync: 'Unknown',
      health: 'Unknown',
      revisions: [],
      operation: undefined,
      pending: true,
    });
  });
  test('tells error conditions, not warnings', () => {
    const conditions = [
      { type: 'ComparisonError', message: 'helm template\nfailed' },
      { type: 'OrphanedResourceWarning', message: 'x' },
    ];
    const state = readApplication({ metadata: {}, status: { conditions } });
    expect(state?.problems).toEqual(['ComparisonError: helm template failed']);
  });
  test.each([undefined, null, 1, 'x', [], {}, { metadata: null }, { error: 'x', code: 7 }])('%j is none', (json) =>
    expect(readApplication(json)).toBeUndefined(),
  );
  test('never throws, and what it says is one printable line, whatever the server sends', () => {
    fc.assert(
      fc.property(
        fc.object({
          key: fc.constantFrom(
            'status',
            'sync',
            'health',
            'revision',
            'revisions',
            'conditions',
            'phase',
            'operationState',
            'message',
            'type',
          ),
        }),
        (status) => {
          const state = readApplication({ metadata: {}, status });
          expect(state && describeApplication(state)).toMatch(/^[^\u0000-\u001f\u007f-\u009f\u202e]*$/);
        },
      ),
    );
  });
});

test('a state in one line', () => {
  const state = readApplication(
    applicationJson({ sync: 'OutOfSync', revision: REVISION, phase: 'Running', message: 'one\n::error::two' }),
  );
  expect(state && describeApplication(state)).toBe(
    'OutOfSync at aaaaaaa, operation Running (one ::error::two), Healthy (one ::error::two)',
  );
});
