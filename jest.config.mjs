// Two suites from one tree: the hermetic one (default) and the end-to-end one (E2E=1: engines, act, real Prometheus).
const endToEnd = process.env.E2E === '1';

export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/__tests__'],
  testMatch: endToEnd ? ['**/*.e2e.test.ts'] : ['**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/fixtures/', ...(endToEnd ? [] : ['\\.e2e\\.test\\.ts$'])],
  modulePathIgnorePatterns: ['<rootDir>/build/', '<rootDir>/.lab/', '<rootDir>/dist/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': '<rootDir>/tools/jest/strip-types.mjs',
    '@actions/workflow-parser/dist/.*-schema\\.js$': '<rootDir>/tools/jest/json-imports.mjs',
  },
  // Packages are taken as they are, but for the two files of the line above.
  transformIgnorePatterns: ['/node_modules/(?!@actions/workflow-parser/dist/\\w+/\\w+-schema\\.js$)'],
  // Against what hangs, not against what is slow: a machine with other work to do takes five times as long.
  testTimeout: 300_000,
  maxWorkers: endToEnd ? 1 : 2,
};
