// The process of a node: `node vireo-server.cjs --data DIR …`.
//
// A CommonJS file, because libuv reads the size of its thread pool when the pool is first used, and Node's
// loader of ES modules uses it before a module's first line runs. With the default of four threads the node
// would keep all but one from reads (packages/node/src/thread-pool.ts).
process.env.UV_THREADPOOL_SIZE ??= '16';
void import('../dist/main.js');
