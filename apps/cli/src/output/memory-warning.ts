/**
 * What is said where a durability is chosen that promises little: with fewer than three replicas the loss of one
 * process is the loss of a quorum's memory. Null: nothing needs to be said.
 */
export function memoryWarning(topic: {
  readonly durability: string;
  readonly replication: number;
}): string | null {
  const { durability, replication } = topic;
  if (durability !== 'memory' || replication > 2) return null;
  return (
    `warning: durability memory with ${replication === 1 ? '1 replica' : '2 replicas'} promises little: ` +
    'when one process dies a partition may stop until a cold start, which loses what was not synced'
  );
}
