import type { Durability } from '@vireo/client';

/** The durabilities that a topic can have: what is promised of both is tested in each. */
export const MODES: readonly Durability[] = ['disk', 'memory'];
