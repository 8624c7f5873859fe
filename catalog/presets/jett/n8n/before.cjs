// Asked in the container that runs, with the environment that the next one will have: another size of vectors than that of the collection that is
// there is refused before anything is removed. One line a problem: where, what, fix, separated by tabs. It changes nothing.
'use strict';

const fs = require('node:fs');

const { HOMEPORT_QDRANT: base, HOMEPORT_QDRANT_COLLECTION: name, HOMEPORT_QDRANT_SIZE: size, HOMEPORT_QDRANT_DISTANCE: distance } = process.env;
const SETTINGS = 'homeport:settings.options.qdrant';

async function main() {
  const key = fs.readFileSync(`${process.env.HOMEPORT_FILES}/qdrant_api_key`, 'utf8').trim();
  const answer = await fetch(`${base}/collections/${name}`, { headers: { 'api-key': key }, signal: AbortSignal.timeout(10_000) });
  if (answer.status !== 200) return;
  const have = (await answer.json()).result.config.params.vectors;
  for (const [what, wanted, is] of [['size', size, String(have.size)], ['distance', distance, have.distance]]) {
    if (wanted !== is) {
      console.log([`${SETTINGS}-${what}`, `the collection ${name} has vectors of ${what} ${is}, the settings say ${wanted}`,
        `Or name another collection in ${SETTINGS}-collection. Run: bin/homeport pulumi config set --stack {stack} --path ${SETTINGS}-${what} ${is}`].join('\t'));
    }
  }
}

// No answer is no objection: what is not there, or not yet, stores nothing.
main().catch(() => {});
