import { defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';

// Tests read the sources of every workspace package, never a `dist` that may be older than what is tested:
// each package's `exports` names its sources under the condition `source`.
const conditions = ['source', ...defaultServerConditions];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ['{packages,apps}/*/src/**/*.test.ts', '{benchmarks,test}/src/**/*.test.ts'],
    environment: 'node',
    // Names are the contract of docs/proof.md; a test that is alone by accident must not pass for the whole.
    allowOnly: false,
    passWithNoTests: false,
  },
});
