import { type Decoded, decoded, refused } from './decoded.ts';
import { Fields } from './fields.ts';
import { U32_MAX } from './integers.ts';
import { decodePayload, encodePayload, requestPayloadLimits } from './payload.ts';

/** The range of protocol versions this program speaks. */
export const PROTOCOL_MIN = 1;
export const PROTOCOL_MAX = 1;

/** Length of a handshake nonce, bytes. */
export const NONCE_SIZE = 16;
/** Length of a proof, bytes: one SHA-256. */
export const PROOF_SIZE = 32;

const HEX_128 = /^[0-9a-f]{32}$/;
const HEX_ABOUT = '32 hexadecimal digits';

/** What a connection is for: a client's data or control, or a peer's protocol or bulk. */
export type Channel = 'data' | 'control' | 'protocol' | 'bulk';

/** First frame, from the side that dialed. */
export interface Hello {
  readonly protocolMin: number;
  readonly protocolMax: number;
  readonly role: 'client' | 'peer';
  /** For logs and lists. */
  readonly name: string;
  readonly auth: 'none';
  readonly nonce: Buffer;
  readonly channel: Channel;
  /** The cluster expected; absent: any. */
  readonly cluster?: string | undefined;
  /** Peers only: who dials, in which life of its data directory. */
  readonly node?: number | undefined;
  readonly incarnation?: string | undefined;
  readonly startCounter?: number | undefined;
}

export interface WelcomeNode {
  readonly id: number;
  readonly address: string;
}

/** The answer of the side that listens. */
export interface Welcome {
  /** The version both sides speak from here on. */
  readonly protocol: number;
  readonly cluster: string;
  readonly node: number;
  readonly incarnation: string;
  readonly startCounter: number;
  readonly nonce: Buffer;
  /** Peers only: that the listener knows the secret. */
  readonly proof?: Buffer | undefined;
  readonly nodes: readonly WelcomeNode[];
}

/** Third frame, peers only: that the dialer knows the secret. */
export interface Proof {
  readonly proof: Buffer;
}

export function encodeHello(hello: Hello): Buffer {
  return encodePayload(hello);
}

/** Errors: `corruptPayload`, `tooLarge`, `invalidRequest`, `invalidName`. The version is `negotiate`'s. */
export function decodeHello(payload: Buffer): Decoded<Hello> {
  const plain = decodePayload(payload, requestPayloadLimits);
  if (!plain.ok) return plain;
  const fields = Fields.of(plain.value, 'hello', 'invalidRequest');
  const role = fields.oneOf('role', ['client', 'peer']);
  const hello: Hello = {
    protocolMin: fields.integer('protocolMin', 0, U32_MAX),
    protocolMax: fields.integer('protocolMax', 0, U32_MAX),
    role,
    name: fields.name('name'),
    auth: fields.oneOf('auth', ['none']),
    nonce: fields.bytes('nonce', NONCE_SIZE),
    channel:
      role === 'client'
        ? fields.oneOf('channel', ['data', 'control'])
        : fields.oneOf('channel', ['protocol', 'bulk']),
    ...(fields.has('cluster') ? { cluster: fields.matching('cluster', HEX_128, HEX_ABOUT) } : {}),
    ...(role === 'peer'
      ? {
          node: fields.integer('node', 0, U32_MAX),
          incarnation: fields.matching('incarnation', HEX_128, HEX_ABOUT),
          startCounter: fields.integer('startCounter'),
        }
      : {}),
  };
  return fields.done(hello);
}

export function encodeWelcome(welcome: Welcome): Buffer {
  return encodePayload(welcome);
}

/** Errors: `corruptPayload`, `tooLarge`. */
export function decodeWelcome(payload: Buffer): Decoded<Welcome> {
  const plain = decodePayload(payload, requestPayloadLimits);
  if (!plain.ok) return plain;
  const fields = Fields.of(plain.value, 'welcome', 'corruptPayload');
  const welcome: Welcome = {
    protocol: fields.integer('protocol', 0, U32_MAX),
    cluster: fields.matching('cluster', HEX_128, HEX_ABOUT),
    node: fields.integer('node', 0, U32_MAX),
    incarnation: fields.matching('incarnation', HEX_128, HEX_ABOUT),
    startCounter: fields.integer('startCounter'),
    nonce: fields.bytes('nonce', NONCE_SIZE),
    ...(fields.has('proof') ? { proof: fields.bytes('proof', PROOF_SIZE) } : {}),
    nodes: fields.list('nodes', (item) => ({
      id: item.integer('id', 0, U32_MAX),
      address: item.string('address', 512),
    })),
  };
  return fields.done(welcome);
}

export function encodeProof(proof: Proof): Buffer {
  return encodePayload(proof);
}

/** Errors: `corruptPayload`, `tooLarge`. */
export function decodeProof(payload: Buffer): Decoded<Proof> {
  const plain = decodePayload(payload, requestPayloadLimits);
  if (!plain.ok) return plain;
  const fields = Fields.of(plain.value, 'proof', 'corruptPayload');
  return fields.done({ proof: fields.bytes('proof', PROOF_SIZE) });
}

/** The highest version in both ranges, or `unsupportedVersion`; its error frame bears `supportedVersions`. */
export function negotiate(hello: Pick<Hello, 'protocolMin' | 'protocolMax'>): Decoded<number> {
  const protocol = Math.min(hello.protocolMax, PROTOCOL_MAX);
  if (protocol >= PROTOCOL_MIN && protocol >= hello.protocolMin) return decoded(protocol);
  return refused(
    'unsupportedVersion',
    `protocol versions ${hello.protocolMin} to ${hello.protocolMax} are asked for, ${PROTOCOL_MIN} to ${PROTOCOL_MAX} are spoken here`,
  );
}

/** Details of the error `unsupportedVersion`. */
export const supportedVersions = { min: PROTOCOL_MIN, max: PROTOCOL_MAX } as const;

/** Who proves: in the bytes that are hashed, so that no side can send the other's proof back. */
export const ProofRole = { dialer: 1, listener: 2 } as const;
export type ProofRoleValue = (typeof ProofRole)[keyof typeof ProofRole];

/** HMAC-SHA-256 (RFC 2104), injected: crypto belongs to the adapters. */
export type HmacSha256 = (key: Uint8Array, data: Uint8Array) => Uint8Array;

/** HMAC-SHA-256(secret, 'vireo-peer-v1' ‖ role ‖ nonce of the dialer ‖ nonce of the listener). */
export function peerProof(
  hmacSha256: HmacSha256,
  secret: Uint8Array,
  role: ProofRoleValue,
  nonceDialer: Uint8Array,
  nonceListener: Uint8Array,
): Buffer {
  const label = Buffer.from('vireo-peer-v1', 'latin1');
  const proof = hmacSha256(secret, Buffer.concat([label, Buffer.of(role), nonceDialer, nonceListener]));
  return Buffer.from(proof.buffer, proof.byteOffset, proof.byteLength);
}

/** Whether two proofs are equal, in a time that does not tell where they differ. */
export function proofMatches(expected: Uint8Array, given: Uint8Array): boolean {
  if (expected.length !== PROOF_SIZE || given.length !== PROOF_SIZE) return false;
  let difference = 0;
  for (let i = 0; i < PROOF_SIZE; i++) difference |= expected[i]! ^ given[i]!;
  return difference === 0;
}
