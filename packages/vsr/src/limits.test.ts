import { PIPELINE_OPS_MAX, REPLICAS_MAX } from '@vireo/protocol';
import { expect, it } from 'vitest';
import { MEMBERS_MAX, PIPELINE_MAX } from './index.ts';

it('bounds what may be configured by what replication can do', () => {
  expect(PIPELINE_OPS_MAX).toBe(PIPELINE_MAX);
  expect(REPLICAS_MAX).toBe(MEMBERS_MAX);
});
