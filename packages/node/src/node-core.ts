import type { Broker } from '@vireo/broker';

/**
 * The events that adapters bring to the core. Each is one call into `Broker` within a turn; the turn loop
 * implements this interface around it. Completions of the disk are not here: they are calls back.
 */
export type NetworkEvents = Pick<
  Broker,
  'accepted' | 'dialed' | 'dialFailed' | 'received' | 'queued' | 'closed'
>;

/** What the turn loop drives. */
export type NodeCore = NetworkEvents & Pick<Broker, 'tick' | 'settle'>;
