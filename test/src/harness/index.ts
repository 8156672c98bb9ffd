export { AckWatch } from './ack-watch.ts';
export { startLoad } from './load.ts';
export { MODES } from './modes.ts';
export { Readers } from './readers.ts';
export { ServerProcess } from './server-process.ts';
export { TestCluster } from './test-cluster.ts';
export { differences, viewsOf } from './views.ts';
export { readLogs, Workload } from './workload.ts';
