import { createHmac, randomBytes } from 'node:crypto';
import type { NodeCrypto } from '@vireo/broker';

/** The cryptography of the handshake by `node:crypto`. */
export const nodeCrypto: NodeCrypto = {
  hmacSha256: (key, data) => createHmac('sha256', key).update(data).digest(),
  randomBytes: (count) => randomBytes(count),
};
