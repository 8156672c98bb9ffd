import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeHello,
  decodeProof,
  decodeWelcome,
  encodeHello,
  encodeProof,
  encodeWelcome,
  type Hello,
  negotiate,
  PROTOCOL_MAX,
  PROTOCOL_MIN,
  ProofRole,
  peerProof,
  proofMatches,
  supportedVersions,
  type Welcome,
} from './handshake.ts';
import { encodePayload } from './payload.ts';

const cluster = '0123456789abcdef0123456789abcdef';
const nonce = Buffer.alloc(16, 1);

const client: Hello = {
  protocolMin: 1,
  protocolMax: 1,
  role: 'client',
  name: 'app',
  auth: 'none',
  nonce,
  channel: 'data',
};
const peer: Hello = {
  ...client,
  role: 'peer',
  channel: 'bulk',
  cluster,
  node: 2,
  incarnation: cluster,
  startCounter: 3,
};
const welcome: Welcome = {
  protocol: 1,
  cluster,
  node: 1,
  incarnation: cluster,
  startCounter: 9,
  nonce,
  nodes: [{ id: 0, address: '127.0.0.1:7400' }],
};

describe('handshake messages', () => {
  it('round-trip', () => {
    for (const hello of [client, peer, { ...client, cluster, channel: 'control' as const }]) {
      expect(decodeHello(encodeHello(hello))).toEqual({ ok: true, value: hello });
    }
    const proved = { ...welcome, proof: Buffer.alloc(32, 4) };
    expect(decodeWelcome(encodeWelcome(welcome))).toEqual({ ok: true, value: welcome });
    expect(decodeWelcome(encodeWelcome(proved))).toEqual({ ok: true, value: proved });
    expect(decodeProof(encodeProof({ proof: proved.proof }))).toEqual({
      ok: true,
      value: { proof: proved.proof },
    });
  });

  it('are refused at every truncation, and survive flipped bits and random bytes', () => {
    const all = [
      [encodeHello(peer), decodeHello],
      [encodeWelcome(welcome), decodeWelcome],
      [encodeProof({ proof: Buffer.alloc(32) }), decodeProof],
    ] as const;
    const codes = ['corruptPayload', 'invalidRequest', 'invalidName', 'tooLarge'];
    for (const [bytes, decode] of all) {
      for (let end = 0; end < bytes.length; end++) expect(decode(bytes.subarray(0, end)).ok).toBe(false);
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const flipped = Buffer.from(bytes);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        const read = decode(flipped);
        if (!read.ok) expect(codes).toContain(read.error.code);
      }
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 100 }), (random) => {
          expect(decode(Buffer.from(random)).ok).toBe(false);
        }),
        { seed: 1, numRuns: 300 },
      );
    }
  });

  it.each([
    ['an unknown role', { ...client, role: 'admin' }],
    ['an auth method that is not there', { ...client, auth: 'password' }],
    ['a short nonce', { ...client, nonce: Buffer.alloc(8) }],
    ['a client on a peer channel', { ...client, channel: 'bulk' }],
    ['a peer on a client channel', { ...peer, channel: 'data' }],
    ['a peer without node', { ...peer, node: undefined }],
    ['a peer without incarnation', { ...peer, incarnation: undefined }],
    ['a cluster that is no id', { ...peer, cluster: 'prod' }],
    ['a version that is no number', { ...client, protocolMin: '1' }],
  ])('a hello with %s is invalidRequest', (_what, hello) => {
    expect(decodeHello(encodePayload(hello))).toMatchObject({ ok: false, error: { code: 'invalidRequest' } });
  });

  it('a hello with a name that is none is invalidName', () => {
    expect(decodeHello(encodePayload({ ...client, name: 'a\u0007' }))).toMatchObject({
      error: { code: 'invalidName' },
    });
  });
});

describe('negotiate', () => {
  it('takes the highest version both speak', () => {
    expect(negotiate({ protocolMin: PROTOCOL_MIN, protocolMax: PROTOCOL_MAX + 5 })).toEqual({
      ok: true,
      value: PROTOCOL_MAX,
    });
  });

  it.each([
    [PROTOCOL_MAX + 1, PROTOCOL_MAX + 2],
    [0, PROTOCOL_MIN - 1],
    [3, 1],
  ])('refuses %i to %i', (protocolMin, protocolMax) => {
    expect(negotiate({ protocolMin, protocolMax })).toMatchObject({
      ok: false,
      error: { code: 'unsupportedVersion' },
    });
    expect(supportedVersions).toEqual({ min: PROTOCOL_MIN, max: PROTOCOL_MAX });
  });
});

describe('peer proof', () => {
  const hmac = (key: Uint8Array, data: Uint8Array) => createHmac('sha256', key).update(data).digest();
  const secret = Buffer.from('secret');
  const other = Buffer.alloc(16, 2);

  it('is HMAC-SHA-256 over label, role and both nonces', () => {
    const expected = createHmac('sha256', secret)
      .update('vireo-peer-v1')
      .update(Buffer.of(1))
      .update(nonce)
      .update(other)
      .digest();
    expect(peerProof(hmac, secret, ProofRole.dialer, nonce, other).equals(expected)).toBe(true);
  });

  it('differs by role, by nonces, by their order, and by secret', () => {
    const proofs = [
      peerProof(hmac, secret, ProofRole.dialer, nonce, other),
      peerProof(hmac, secret, ProofRole.listener, nonce, other),
      peerProof(hmac, secret, ProofRole.dialer, other, nonce),
      peerProof(hmac, secret, ProofRole.dialer, nonce, nonce),
      peerProof(hmac, Buffer.from('another'), ProofRole.dialer, nonce, other),
    ];
    expect(new Set(proofs.map((proof) => proof.toString('hex'))).size).toBe(proofs.length);
    for (const [i, a] of proofs.entries()) {
      for (const [j, b] of proofs.entries()) expect(proofMatches(a, b)).toBe(i === j);
    }
    expect(proofMatches(proofs[0]!, proofs[0]!.subarray(1))).toBe(false);
  });
});
