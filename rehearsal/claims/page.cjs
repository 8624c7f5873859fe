// For `node -e` in browserless' container: a page of its Chromium goes to each address that is an argument. Prints a
// JSON object: the address, and "" where an answer came, else why none did, in Chromium's own words (net::ERR_…).
'use strict';
const { readFileSync } = require('node:fs');

// Milliseconds for an answer, and pages at once: a session ends after a minute, and each page takes memory.
const PATIENCE = 8000;
const AT_ONCE = 8;
const token = readFileSync('/etc/homeport/token', 'utf8').trim();
const socket = new WebSocket(`ws://127.0.0.1:3000/chromium?token=${token}`);
const waiting = new Map();
let calls = 0;

function call(method, params, sessionId) {
  return new Promise((resolve, reject) => {
    calls += 1;
    waiting.set(calls, { resolve, reject });
    socket.send(JSON.stringify({ id: calls, method, params, sessionId }));
  });
}

async function visit(url) {
  const { targetId } = await call('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await call('Target.attachToTarget', { targetId, flatten: true });
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE, { errorText: 'no answer' }));
  const { errorText } = await Promise.race([call('Page.navigate', { url }, sessionId), late]);
  await call('Target.closeTarget', { targetId });
  return errorText ?? '';
}

socket.onmessage = (event) => {
  const { id, result, error } = JSON.parse(event.data);
  const { resolve, reject } = waiting.get(id) ?? {};
  if (error) reject?.(new Error(error.message));
  else resolve?.(result);
};
socket.onerror = () => {
  throw new Error('browserless opened no session');
};
socket.onopen = async () => {
  const left = process.argv.slice(1);
  const seen = {};
  const work = async () => {
    for (let url = left.shift(); url; url = left.shift()) seen[url] = await visit(url);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  console.log(JSON.stringify(seen));
  process.exit();
};
