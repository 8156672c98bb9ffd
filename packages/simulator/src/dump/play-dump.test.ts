import {
  decodeRecording,
  encodeRecording,
  PlayedReplica,
  ReplicaRecorder,
  type ReplicaRecording,
  type ReplicaState,
} from '@vireo/vsr';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { drawProfile, type ProfileName, simulate } from '../cluster/index.ts';
import { playDump } from './play-dump.ts';
import { readDump } from './read-dump.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

/** Recordings of all replicas of a run, each with the state in which the run left it. */
function recordRun(
  seed: number,
  profile: ProfileName = 'lite',
): { recording: ReplicaRecording; state: ReplicaState }[] {
  const states = new Map<ReplicaRecorder, ReplicaState>();
  const begin = ReplicaRecorder.prototype.begin;
  vi.spyOn(ReplicaRecorder.prototype, 'begin').mockImplementation(function (this: ReplicaRecorder, ...args) {
    states.set(this, args[2]);
    return begin.apply(this, args);
  });
  expect(simulate(drawProfile(seed, profile), { recordCalls: true }).failure).toBeNull();
  vi.restoreAllMocks();
  return [...states].flatMap(([recorder, state]) => {
    const recording = recorder.recording();
    return recording === null || recorder.isOpen ? [] : [{ recording, state }];
  });
}

/** Through a file. */
function reread(recording: ReplicaRecording): ReplicaRecording {
  const read = decodeRecording(JSON.parse(JSON.stringify(encodeRecording(recording))));
  if (!read.ok) throw read.error;
  return read.value;
}

/** As text: bodies of ops left out, as they are in a recording. */
function textOf(state: ReplicaState, { config }: ReplicaRecording): string {
  const recorder = new ReplicaRecorder(config);
  recorder.begin('settle', null, state);
  return JSON.stringify(encodeRecording(recorder.recording()!));
}

const silent = { called: () => {}, send: () => {}, persist: () => {}, load: () => {}, reply: () => {} };

describe('calls into a replica that were recorded', () => {
  it.each([3, 5, 12])(
    'lead it to the same state again, through a file, seed %i',
    { timeout: 60_000 },
    (seed) => {
      const runs = recordRun(seed);
      expect(runs.length).toBeGreaterThan(5);
      let calls = 0;
      for (const { recording, state } of runs) {
        const played = new PlayedReplica(reread(recording), silent);
        while (played.step()) calls += 1;
        expect(textOf(played.replica.state, recording)).toBe(textOf(state, recording));
      }
      expect(calls).toBeGreaterThan(2_000);
    },
  );

  it('are a thousand at least once so many were made, and two thousand at most', { timeout: 60_000 }, () => {
    const counts = recordRun(2, 'swarm').map(({ recording }) => recording.calls.length);
    expect(Math.max(...counts)).toBeGreaterThan(1_000);
    expect(Math.max(...counts)).toBeLessThanOrEqual(2_001);
  });
});

describe('a dump', () => {
  const whole = {
    format: 2,
    time: '2026-01-01T00:00:00.000Z',
    node: 1,
    pid: 7,
    runtime: 'v20',
    error: { name: 'AssertionFailed', message: 'the log has no holes' },
    details: 'AssertionFailed: the log has no holes',
    stats: '{}',
    events: [{ name: 'tick', timeMs: 12.5, first: -1, second: 4 }],
    recording: null as unknown,
  };
  const play = (value: unknown): string[] => {
    const dump = readDump(JSON.stringify(value));
    if (typeof dump === 'string') throw new Error(dump);
    const lines: string[] = [];
    playDump(dump, (line) => lines.push(line));
    return lines;
  };

  it('is printed within 80 columns, with every call and what came of it', { timeout: 60_000 }, () => {
    const { recording } = recordRun(3)[0]!;
    const lines = play({ ...whole, recording: encodeRecording(recording) });
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines).toContain('        12.500 tick 4');
    expect(lines.filter((line) => /^ +\d+ tick$/.test(line)).length).toBeGreaterThan(100);
    expect(lines.some((line) => /> send \d /.test(line))).toBe(true);
    expect(lines).toContain('THE ERROR DID NOT COME AGAIN');
  });

  it('says when the code is not the one that was running', { timeout: 60_000 }, () => {
    const { recording } = recordRun(3).find((run) =>
      run.recording.calls.some((call) => call.answers.length > 0),
    )!;
    const calls = recording.calls.map((call) => ({ ...call, answers: [] }));
    const lines = play({ ...whole, recording: encodeRecording({ ...recording, calls }) });
    expect(lines).toContain('NOT THE SAME CODE: asked for more than was recorded');
  });

  it('without calls says why', () => {
    expect(play(whole).join(' ')).toContain('did not come out of a replica');
    expect(play({ ...whole, recording: 'not available: x' }).join(' ')).toContain('not available: x');
  });

  it.each([
    ['cut off', JSON.stringify(whole).slice(0, 200), 'cut off'],
    ['of another format', JSON.stringify({ ...whole, format: 1 }), 'dump.format'],
    ['without its events', JSON.stringify({ ...whole, events: 3 }), 'dump.events is not a list'],
    ['something else', '[]', 'dump is not an object'],
  ])('that is %s is refused with a reason', (_what, content, reason) => {
    expect(readDump(content)).toContain(reason);
  });

  it('whose recording is damaged is printed without it', { timeout: 60_000 }, () => {
    const recording = encodeRecording(recordRun(3)[0]!.recording) as Record<string, Record<string, unknown>>;
    const { view: _view, ...state } = recording.state!;
    const damages: [string, unknown][] = [
      ['state.view is missing', { ...recording, state }],
      ['state.log is not a list', { ...recording, state: { ...recording.state, log: 4 } }],
      ['config.members', { ...recording, config: { ...recording.config, members: [] } }],
      ['calls is not a list', { ...recording, calls: null }],
      ['call 0 is of no known kind', { ...recording, calls: [{ call: 'x' }] }],
      ['tag $huge is not known', { ...recording, state: { $huge: 'aa' } }],
      ['prepare header', { ...recording, state: { $header: 'aa' } }],
      ['nested too deeply', { ...recording, state: JSON.parse('[['.repeat(30) + ']]'.repeat(30)) }],
      ['bodies are larger', { ...recording, calls: [{ bytes: { $bytes: '' }, context: 2 ** 40 }] }],
    ];
    for (const [reason, damaged] of damages)
      expect(
        play({ ...whole, recording: damaged })
          .join('\n')
          .replaceAll(`\n${' '.repeat(10)}`, ''),
      ).toContain(reason);
  });
});
