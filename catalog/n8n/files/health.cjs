// Healthy means: n8n is ready, and each webhook that asks for the key is there and refuses a call without it (403; 404 would mean that it is
// not active). HOMEPORT_WEBHOOKS names them, with a space between two.
'use strict';

const BASE = `http://127.0.0.1:${process.env.N8N_PORT ?? 5678}`;
const WEBHOOKS = process.env.HOMEPORT_WEBHOOKS.split(' ');

async function status(path, method) {
  const answer = await fetch(`${BASE}${path}`, { method, signal: AbortSignal.timeout(4000) });
  await answer.arrayBuffer();
  return answer.status;
}

async function main() {
  const ready = await status('/healthz/readiness', 'GET');
  if (ready !== 200) throw new Error(`readiness: ${ready}`);
  for (const webhook of WEBHOOKS) {
    const refused = await status(`/webhook/${webhook}`, 'POST');
    if (refused !== 403) throw new Error(`webhook ${webhook}: ${refused}, expected 403`);
  }
}

main().then(() => process.exit(0), (error) => {
  console.error(error.message);
  process.exit(1);
});
