// Loaded into n8n before anything else: the Redis node gives up after half a second.
//
// n8n's Redis node reconnects ten times with doubling pauses, 17 minutes in all, and waits for each answer without a limit
// (n8n-nodes-base 2.38, dist/nodes/Redis/utils.js); no setting changes it. A cache that is down would hold every search up. Here the
// client does not reconnect, and each call has a limit; the workflows then go on without the cache.
'use strict';

const Module = require('node:module');

const LIMIT_MS = 500;
const load = Module._load;
const wrapped = new WeakMap();

function limited(promise, name) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Redis: no answer to ${name} in ${LIMIT_MS} ms`)), LIMIT_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function guard(client) {
  return new Proxy(client, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args) => {
        const result = value.apply(target, args);
        return typeof result?.then === 'function' ? limited(result, String(name)) : result;
      };
    },
  });
}

function failFast(redis) {
  if (!wrapped.has(redis)) {
    const createClient = (options = {}) => guard(redis.createClient({
      ...options, socket: { ...options.socket, connectTimeout: LIMIT_MS, reconnectStrategy: false },
    }));
    wrapped.set(redis, new Proxy(redis, { get: (target, name) => (name === 'createClient' ? createClient : Reflect.get(target, name)) }));
  }
  return wrapped.get(redis);
}

Module._load = function homeportLoad(request, parent, ...rest) {
  const loaded = load.call(this, request, parent, ...rest);
  return request === 'redis' && /[\\/]nodes[\\/]Redis[\\/]utils\.js$/.test(parent?.filename ?? '') ? failFast(loaded) : loaded;
};
