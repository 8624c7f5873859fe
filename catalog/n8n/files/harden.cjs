// Loaded into n8n before anything else; n8n has no setting for either.
//
// 1. A webhook's node hands all headers of a call on, and n8n writes them to its database while the call is worked on; PostgreSQL's log of
//    changes (WAL) keeps them long after. Here the headers that prove who calls are checked by the node, and then forgotten.
// 2. n8n leaves an upgrade to WebSocket at a path that it does not know without an answer, and open (n8n 2.38, dist/push/index.js). Here such
//    a connection ends.
'use strict';

const http = require('node:http');
const Module = require('node:module');

const PROOFS = [
  'authorization', 'proxy-authorization', 'cookie', 'x-api-key', 'cf-access-jwt-assertion', 'cf-access-client-id', 'cf-access-client-secret',
];
const UPGRADE_MS = 10_000;
const WEBHOOK = /[\\/]nodes[\\/]Webhook[\\/]Webhook\.node\.js$/;

function without(headers) {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !PROOFS.includes(name)));
}

function forgetful(Webhook) {
  const { webhook } = Webhook.prototype;
  if (typeof webhook !== 'function') throw new Error('homeport: this n8n has another Webhook node than harden.cjs knows');
  Webhook.prototype.webhook = async function homeportWebhook(...args) {
    const result = await webhook.apply(this, args);
    for (const item of (result?.workflowData ?? []).flat()) {
      if (item?.json?.headers) item.json.headers = without(item.json.headers);
    }
    return result;
  };
}

const load = Module._load;
const seen = new WeakSet();
Module._load = function homeportLoad(request, ...rest) {
  const loaded = load.call(this, request, ...rest);
  if (WEBHOOK.test(request) && !seen.has(loaded)) {
    seen.add(loaded);
    forgetful(loaded.Webhook);
  }
  return loaded;
};

const { emit } = http.Server.prototype;
http.Server.prototype.emit = function homeportEmit(name, ...args) {
  if (name === 'upgrade') {
    const socket = args[1];
    const written = socket.bytesWritten;
    const timer = setTimeout(() => { if (socket.bytesWritten === written) socket.destroy(); }, UPGRADE_MS);
    socket.once('close', () => clearTimeout(timer));
  }
  return emit.call(this, name, ...args);
};
