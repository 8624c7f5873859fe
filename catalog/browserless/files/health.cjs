// Healthy: it answers, knows its token, and refuses who has none.
const { readFileSync } = require('node:fs');

const token = readFileSync('/etc/homeport/token', 'utf8').trim();
const ask = async (headers) =>
  (await fetch('http://127.0.0.1:3000/active', { headers, signal: AbortSignal.timeout(8000) })).status;

(async () => {
  const [known, unknown] = [await ask({ authorization: `Bearer ${token}` }), await ask({})];
  if (known !== 204 || unknown !== 401) throw new Error(`with the token ${known}, without it ${unknown}`);
})().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
