/** How often a process without a channel to its parent looks whether that is still there. Milliseconds. */
const POLL_MS = 500;

/**
 * Calls back once when the process that started this one has ended. With an IPC channel its closing tells at once,
 * even after SIGKILL; without one an orphan is known by its new parent's pid.
 * @returns a function that ends the watch.
 */
export function watchParent(ended: () => void): () => void {
  let done = false;
  const once = () => {
    if (!done) ended();
    stop();
  };
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid !== parent) once();
  }, POLL_MS);
  timer.unref();
  const stop = () => {
    done = true;
    clearInterval(timer);
    process.off('disconnect', once);
  };
  if (process.send !== undefined) {
    process.on('disconnect', once);
    // It may have closed before this line.
    if (!process.connected) setImmediate(once);
  }
  return stop;
}
