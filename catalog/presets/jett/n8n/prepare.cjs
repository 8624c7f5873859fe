// Qdrant's collection for semantic caching is there before n8n starts: made once, never changed.
'use strict';

const fs = require('node:fs');

const BASE = process.env.HOMEPORT_QDRANT;
const NAME = process.env.HOMEPORT_QDRANT_COLLECTION;
const WANTED = { size: Number(process.env.HOMEPORT_QDRANT_SIZE), distance: process.env.HOMEPORT_QDRANT_DISTANCE };
const KEY = fs.readFileSync(`${process.env.HOMEPORT_FILES}/qdrant_api_key`, 'utf8').trim();
const WAIT_MS = 60_000;

async function call(method, body) {
  const answer = await fetch(`${BASE}/collections/${NAME}`, {
    method, body: body && JSON.stringify(body), headers: { 'Content-Type': 'application/json', 'api-key': KEY }, signal: AbortSignal.timeout(10_000),
  });
  return { status: answer.status, body: await answer.json() };
}

async function there() {
  const found = await call('GET');
  if (found.status === 404) return undefined;
  if (found.status === 401 || found.status === 403) throw new Error('qdrant refuses the key of the secret qdrant-api-key');
  if (found.status !== 200) throw new Error(`qdrant: GET answered ${found.status}`);
  return found.body.result.config.params.vectors;
}

async function collection() {
  let have = await there();
  if (!have) {
    // 409: somebody else was faster, and what they made is looked at below.
    const made = await call('PUT', { vectors: WANTED });
    if (made.status !== 200 && made.status !== 409) throw new Error(`qdrant: PUT answered ${made.status}`);
    have = await there();
  }
  if (have.size !== WANTED.size || have.distance !== WANTED.distance) {
    console.error(`homeport: collection ${NAME} has vectors of size ${have.size}, distance ${have.distance}; the settings say ${WANTED.size}, ${WANTED.distance}\n`
      + '  set options.qdrant-size and options.qdrant-distance back, or name another options.qdrant-collection');
    process.exit(1);
  }
}

async function main() {
  const until = Date.now() + WAIT_MS;
  for (;;) {
    try {
      return await collection();
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

main().then(() => console.log(`homeport: collection ${NAME} is in place`), (error) => {
  console.error(`homeport: ${error.message}\n  look at: docker logs qdrant`);
  process.exit(1);
});
