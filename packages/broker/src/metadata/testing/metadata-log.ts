import {
  type Checksums,
  PREPARE_HEADER_SIZE,
  type Prepare,
  PrepareKind,
  sealPrepare,
  ZERO_CHECKSUM,
} from '@vireo/protocol';
import type { ClientRequest } from '@vireo/vsr';
import type { MetadataMachine } from '../machine.ts';
import { encodeMetadataOp, type MetadataOp } from '../ops.ts';
import type { MetadataReply } from '../reply.ts';
import type { NodeEntry } from '../state.ts';

const noContext = {
  baseOffset: 0,
  count: 0,
  producerId: 0,
  producerEpoch: 0,
  sequence: 0,
  codec: 0,
} as const;

export function metadataRequest(op: MetadataOp): ClientRequest {
  return { id: 1, kind: PrepareKind.metadata, bytes: encodeMetadataOp(op), context: null };
}

export function testNodes(count: number): NodeEntry[] {
  return Array.from({ length: count }, (_, id) => ({
    id,
    address: `127.0.0.1:${7400 + 10 * id}`,
    host: `host-${id}`,
    incarnation: id.toString(16).padStart(32, '0'),
  }));
}

/** The committed log of the metadata group, as its one replica. */
export class MetadataLog {
  readonly prepares: Prepare[] = [];
  readonly #checksums: Checksums;
  readonly #machine: MetadataMachine;

  constructor(machine: MetadataMachine, checksums: Checksums) {
    this.#machine = machine;
    this.#checksums = checksums;
  }

  /** Prepares without committing; a refusal of `admit` is an error of the test. */
  prepare(op: MetadataOp): Prepare {
    const request = metadataRequest(op);
    const admission = this.#machine.admit(request);
    if (admission.type !== 'prepare') throw new Error(JSON.stringify(admission));
    return this.#seal(request.bytes, PrepareKind.metadata);
  }

  run(op: MetadataOp): MetadataReply {
    return this.#machine.apply(this.prepare(op)) as MetadataReply;
  }

  noop(): MetadataReply | null {
    return this.#machine.apply(this.#seal(Buffer.alloc(PREPARE_HEADER_SIZE), PrepareKind.noop));
  }

  /** The op with which replication begins a log that was cut. */
  coldStart(): void {
    this.#machine.apply(this.#seal(Buffer.alloc(PREPARE_HEADER_SIZE + 16), PrepareKind.coldStart));
  }

  /** An op whose body is what somebody else thinks an op is. */
  runBytes(body: Buffer): MetadataReply | null {
    return this.#machine.apply(
      this.#seal(Buffer.concat([Buffer.alloc(PREPARE_HEADER_SIZE), body]), PrepareKind.metadata),
    );
  }

  #seal(bytes: Buffer, kind: ClientRequest['kind']): Prepare {
    const op = this.prepares.length + 1;
    const parent = this.prepares.at(-1)?.header.checksum ?? ZERO_CHECKSUM;
    const fields = { group: 0, op, view: 0, epoch: 0, parent, kind, timestamp: 1_000 * op, ...noContext };
    const prepare = sealPrepare(bytes, fields, this.#checksums);
    this.prepares.push(prepare);
    this.#machine.prepared(prepare);
    return prepare;
  }
}
