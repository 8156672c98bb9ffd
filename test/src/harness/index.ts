export { ServerProcess } from './server-process.ts';
export { type Fault, TcpProxy } from './tcp-proxy.ts';
export { groupsWithoutPrimary, TestCluster, type TestClusterOptions } from './test-cluster.ts';
export { digest, type Gap, problemsOf, readLogs, Workload, type WorkloadOptions } from './workload.ts';
