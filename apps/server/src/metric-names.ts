/** Words that are units: they stand last, as Prometheus has it. */
const UNITS = new Set(['bytes', 'records', 'frames', 'batches', 'ops']);

/** `bytesReceived` → `vireo_received_bytes`: snake case, the unit last. */
export function metricName(counter: string): string {
  const words = counter.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).split('_');
  const unit = words.find((word) => word === 'bytes') ?? words.find((word) => UNITS.has(word));
  const others = words.filter((word) => word !== unit);
  return ['vireo', ...others, ...(unit === undefined ? [] : [unit])].join('_');
}

/** `bytesReceived` → `bytes received`, for help texts. */
export function metricHelp(counter: string): string {
  return counter.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
