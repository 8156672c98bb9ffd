import { defaultLimits, type Limits } from '@vireo/protocol';

const KiB = 1024;

/** Small, so that rolls, checkpoints and reuse of the journal happen within seconds of simulated time. */
export const simLimits: Limits = {
  ...defaultLimits,
  batchBytesMax: 32 * KiB,
  pipelineOpsMax: 4,
  journalFiles: 4,
  journalFileBytes: 256 * KiB,
  segmentBytes: 64 * KiB,
  tailCacheBytesMax: 256 * KiB,
};

/** A node that was down for a second lacks more; most files have several chunks. */
export const simTransfer = { ops: 8, chunkBytes: 4 * KiB } as const;

/** As `simLimits`, with a journal ring of the profile's size. */
export function limitsOf(profile: { readonly journalFileBytes: number }): Limits {
  return { ...simLimits, journalFileBytes: profile.journalFileBytes };
}
