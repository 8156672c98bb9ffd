import { readFileSync } from 'node:fs';
import { systemCode } from './start-errors.ts';

/** A process, told apart from a later one that got the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /**
   * Boot of the machine and start of the process in it, on Linux; null where the system does not tell. Pids
   * come again after a reboot, and in containers every process is number 1.
   */
  readonly started: string | null;
}

/** Boot id and start time of a process; null when the system does not say (macOS, or it is gone). */
function startedAt(pid: number): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the command in parentheses and may hold anything; starttime is the 22nd.
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return ticks === undefined ? null : `${boot}/${ticks}`;
  } catch {
    return null;
  }
}

/** This process. */
export function thisProcess(): ProcessIdentity {
  return { pid: process.pid, started: startedAt(process.pid) };
}

/** Whether the process still runs. Unsure counts as running: two nodes on one directory destroy it. */
export function isRunning({ pid, started }: ProcessIdentity): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs under another user.
    if (systemCode(error) === 'ESRCH') return false;
  }
  const now = startedAt(pid);
  return started === null || now === null || started === now;
}
