import type { Ghost } from '../checkers/ghost.ts';
import type { FloorName } from '../cluster/floors.ts';
import type { Expectation } from '../schedule/schedule.ts';
import type { StepDriver } from './step-driver.ts';

/** What of a scenario's expectations was not met, or null. */
export function firstDisappointment(
  { floors = {}, kept = [], dropped = [] }: Expectation,
  counts: Readonly<Record<FloorName, number>>,
  steps: StepDriver,
  ghost: Ghost,
): string | null {
  for (const [name, wanted] of Object.entries(floors)) {
    const count = counts[name as FloorName];
    if (count < wanted) return `expected ${wanted} times ${name}, came ${count} times`;
  }
  for (const name of [...kept, ...dropped]) {
    const noted = steps.noted.get(name);
    if (noted === undefined) return `no step noted a prepare under the name ${name}`;
    const isKept = ghost.committed(noted.group, noted.op)?.header.checksum === noted.checksum;
    if (isKept !== kept.includes(name)) {
      return `op ${noted.op} of group ${noted.group}, noted as ${name}, is ${isKept ? '' : 'not '}in the committed log`;
    }
  }
  return null;
}
