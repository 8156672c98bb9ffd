/** What an operation does to its file; decides what may overtake what. */
type OperationKind = 'change' | 'sync' | 'read';

interface Operation {
  readonly kind: OperationKind;
  readonly start: (finished: (deliver: () => void) => void) => void;
  started: boolean;
  deliver: (() => void) | null;
}

/**
 * Order of the operations of one file, which the threads of the pool do not keep by themselves. Changes and
 * syncs run one after the other, reads beside each other behind the changes that were asked for before them.
 * Completions are delivered in the order of the calls, except that a read does not wait for a sync: a sync
 * changes nothing that a read can see, and that of a large segment takes a while.
 */
export class FileOrder {
  readonly #files = new Map<string, Operation[]>();

  /**
   * Starts the operation now or when its turn comes. `start` must call `finished` once, never before it
   * returns, with what is to be done when all earlier completions have been delivered.
   */
  add(path: string, kind: OperationKind, start: Operation['start']): void {
    let operations = this.#files.get(path);
    if (operations === undefined) {
      operations = [];
      this.#files.set(path, operations);
    }
    operations.push({ kind, start, started: false, deliver: null });
    this.#startAllowed(path, operations);
  }

  #startAllowed(path: string, operations: Operation[]): void {
    let changing = false;
    let syncing = false;
    for (const operation of operations) {
      const finished = operation.deliver !== null;
      if (!operation.started && !changing && (operation.kind === 'read' || !syncing)) {
        operation.started = true;
        operation.start((deliver) => {
          operation.deliver = deliver;
          this.#deliver(path, operations);
        });
      }
      if (finished) continue;
      if (operation.kind === 'change') changing = true;
      else if (operation.kind === 'sync') syncing = true;
    }
  }

  #deliver(path: string, operations: Operation[]): void {
    const ready: (() => void)[] = [];
    // How many undelivered syncs stand before the operation that is looked at.
    let kept = 0;
    while (kept < operations.length) {
      const operation = operations[kept] as Operation;
      if (operation.deliver !== null && (kept === 0 || operation.kind === 'read')) {
        operations.splice(kept, 1);
        ready.push(operation.deliver);
      } else if (operation.kind === 'sync' && operation.deliver === null) {
        kept++;
      } else {
        break;
      }
    }
    if (operations.length === 0) this.#files.delete(path);
    else this.#startAllowed(path, operations);
    for (const deliver of ready) deliver();
  }
}
