import type { NodeStats } from '@vireo/node';
import { describe, expect, test } from 'vitest';
import { metricName } from './metric-names.ts';
import { Metrics } from './metrics.ts';

const stats: NodeStats = {
  broker: {
    counters: { bytesReceived: 7, produceRecords: 12, viewChanges: 1, connections: 3 },
    histograms: { produceLatency: { buckets: [1, 0, 2], count: 3, sumMs: 6, maxMs: 5 } },
  },
  process: {
    loopLagMs: { last: 2, p50: 1, p99: 4, max: 9 },
    durableMs: { count: 4, p50: 0.5, p99: 1, max: 2 },
    diskBytesWritten: 100,
    diskBytesRead: 50,
    openFiles: 6,
    connections: 3,
    unsentBytes: 0,
  },
};

const text = () => new Metrics({ node: 1, cluster: 'c"1', version: '1.2.3' }).text(stats);

describe('metrics', () => {
  test('units come last in names', () => {
    expect(['bytesReceived', 'produceBytes', 'framesUnknownGroup', 'viewChanges'].map(metricName)).toEqual([
      'vireo_received_bytes',
      'vireo_produce_bytes',
      'vireo_unknown_group_frames',
      'vireo_view_changes',
    ]);
  });

  test('counters, gauges and build are there with their values', async () => {
    const lines = (await text()).split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'vireo_received_bytes_total 7',
        'vireo_produce_records_total 12',
        'vireo_view_changes_total 1',
        '# TYPE vireo_connections gauge',
        'vireo_connections 3',
        'vireo_loop_lag_seconds 0.002',
        'vireo_disk_written_bytes_total 100',
        'vireo_build_info{node="1",cluster="c\\"1",version="1.2.3"} 1',
      ]),
    );
  });

  test('histograms are cumulative, in seconds, and end at +Inf', async () => {
    const lines = (await text())
      .split('\n')
      .filter((line) => line.startsWith('vireo_produce_latency_seconds'));
    expect(lines).toEqual([
      'vireo_produce_latency_seconds_bucket{le="0.000002"} 1',
      'vireo_produce_latency_seconds_bucket{le="0.000004"} 1',
      'vireo_produce_latency_seconds_bucket{le="+Inf"} 3',
      'vireo_produce_latency_seconds_sum 0.006',
      'vireo_produce_latency_seconds_count 3',
    ]);
  });

  test('every name of ours is unique, lower case, and a counter ends in _total', async () => {
    const types = [...(await text()).matchAll(/^# TYPE (vireo_\S+) (\w+)$/gm)].map(
      ([, name = '', type = '']) => [name, type],
    );
    expect(new Set(types.map(([name]) => name)).size).toBe(types.length);
    for (const [name = '', type = ''] of types) {
      expect(name).toMatch(/^vireo(_[a-z0-9]+)+$/);
      expect(name.endsWith('_total')).toBe(type === 'counter');
    }
  });
});
