import { parseArgs } from 'node:util';
import { startNode } from '@vireo/node';
import { defaultLimits } from '@vireo/protocol';
import { RecordingDisk } from './recording-disk.ts';

/** A node as `apps/server` runs it, on a disk that remembers what is not synced yet: `--data DIR --record FILE`. */
const { values } = parseArgs({
  options: { data: { type: 'string', default: '' }, record: { type: 'string', default: '' } },
  strict: false,
});
const data = String(values.data);
const record = String(values.record);

const node = await startNode({
  directory: data,
  limits: { ...defaultLimits, journalFiles: 4, journalFileBytes: 8 << 20 },
  disk: (files) => new RecordingDisk(files, data, record),
});
process.send?.({ type: 'listening', address: node.address });
process.on('disconnect', () => process.exit(0));
