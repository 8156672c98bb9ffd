import type { ErrorCode, TopicDescription } from '@vireo/protocol';

/** An op, or a request before it became one, that has no effect. `code` and `message` go to the client. */
export interface Refusal {
  readonly ok: false;
  readonly code: ErrorCode;
  readonly message: string;
}

/** Makes a refusal. */
export function refusal(code: ErrorCode, message: string): Refusal {
  return { ok: false, code, message };
}

/** What an op did. `stamp`: the metadata stamp at which it took effect; clients send the highest they have seen. */
type MetadataResult =
  | { readonly ok: true; readonly stamp: number; readonly type: 'founded' | 'nodeRegistered' }
  | { readonly ok: true; readonly stamp: number; readonly type: 'registered'; readonly sessionId: number }
  | { readonly ok: true; readonly stamp: number; readonly type: 'streamCreated'; readonly streamId: number }
  | {
      readonly ok: true;
      readonly stamp: number;
      readonly type: 'topicCreated';
      readonly topic: TopicDescription;
    }
  | { readonly ok: true; readonly stamp: number; readonly type: 'topicAltered' }
  /** `existed` is false when it was gone already: a repeated delete succeeds. */
  | { readonly ok: true; readonly stamp: number; readonly type: 'deleted'; readonly existed: boolean };

/** The judgement of one metadata op, the same on every node. */
export type MetadataReply = MetadataResult | Refusal;
