export { startLoad } from './load.ts';
export { ServerProcess } from './server-process.ts';
export { TestCluster } from './test-cluster.ts';
export { readLogs, Workload } from './workload.ts';
