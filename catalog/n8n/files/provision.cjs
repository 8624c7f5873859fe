// Puts the credentials and the workflows where n8n finds them, by n8n's own commands, before n8n starts.
//
// Nothing is imported when the content is the one that was imported last and the database still holds it: a restart costs one query.
// n8n's commands end with status 0 also when they failed (their catch() only logs, n8n 2.38 dist/commands/import/workflow.js), so the
// database is asked afterwards what is really there.
'use strict';

const { execFileSync } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');

const FILES = process.env.HOMEPORT_FILES;
const RUN = process.env.HOMEPORT_RUN;
const DATA = process.env.N8N_USER_FOLDER ?? path.join(process.env.HOME ?? '/home/node', '.n8n');
const MARKER = path.join(DATA, 'homeport-provisioned');
const WORKFLOWS = path.join(FILES, 'workflows');
// What the API key of the secret file api_key may do, as n8n spells it (@n8n/permissions, API_KEY_RESOURCES): nothing but work with workflows.
const SCOPES = {
  workflow: ['create', 'read', 'update', 'delete', 'list', 'activate', 'deactivate'],
  execution: ['read', 'list', 'retry', 'stop', 'delete'], workflowTags: ['update', 'list'], tag: ['create', 'read', 'list'],
};
const KEY_LABEL = 'homeport';
const DATABASE_WAIT_MS = 60_000;
// The majors whose tables `absent` and `publish` know; another one may keep workflows elsewhere, or migrate the database for good.
const MAJORS = ['2'];

function program(name) {
  const found = process.env.PATH.split(':').map((folder) => path.join(folder, name)).find((file) => fs.existsSync(file));
  if (!found) fail(`no program ${name} on the PATH`, 'use an image that has n8n');
  return found;
}

// n8n's own modules, wherever the image keeps them.
function n8nRequire() {
  return createRequire(fs.realpathSync(program('n8n')));
}

function fail(what, mend) {
  console.error(`homeport: ${what}\n  ${mend}`);
  process.exit(1);
}

function secret(name) {
  const file = path.join(FILES, name);
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8').trim() : '';
}

// credentials.json with ${name} for the content of a secret file, and ${env:NAME} for a variable. Filled in after parsing: a secret may hold quotes.
function filled(value) {
  if (typeof value === 'string') {
    return value.replace(/\$\{(env:)?(\w+)\}/g, (_, env, name) => (env ? process.env[name] ?? '' : secret(name)));
  }
  if (Array.isArray(value)) return value.map(filled);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, filled(inner)]));
}

function credentials() {
  return filled(JSON.parse(fs.readFileSync(path.join(FILES, 'credentials.json'), 'utf8')));
}

function workflows() {
  return fs.readdirSync(WORKFLOWS).filter((file) => file.endsWith('.json')).sort().map((file) => {
    const text = fs.readFileSync(path.join(WORKFLOWS, file), 'utf8');
    return { id: JSON.parse(text).id, text };
  });
}

// Keyed, so that the marker on the data volume says nothing of the secrets in it.
function fingerprint(wanted, flows) {
  const content = JSON.stringify([wanted, flows, fs.readFileSync(__filename, 'utf8')]);
  return crypto.createHmac('sha256', secret('encryption_key')).update(content).digest('hex');
}

async function database(query, values) {
  const { Client } = n8nRequire()('pg');
  const until = Date.now() + DATABASE_WAIT_MS;
  for (;;) {
    const client = new Client({
      host: process.env.DB_POSTGRESDB_HOST, port: Number(process.env.DB_POSTGRESDB_PORT ?? 5432), database: process.env.DB_POSTGRESDB_DATABASE,
      user: process.env.DB_POSTGRESDB_USER, password: secret('db_password'), connectionTimeoutMillis: 5000,
    });
    client.on('error', () => {});
    try {
      await client.connect();
      return (await client.query(query, values)).rows;
    } catch (error) {
      if (error.code === '42P01') return []; // undefined_table: n8n has never run on this database
      if (Date.now() > until) fail(`database ${process.env.DB_POSTGRESDB_HOST}: ${error.message}`, 'look at the database server with docker logs');
      await new Promise((resolve) => setTimeout(resolve, 1000));
    } finally {
      await client.end().catch(() => {});
    }
  }
}

// What is wanted and not there: a workflow that is not published in its newest version, or a credential.
async function absent(wanted, flows) {
  const there = await database(
    `SELECT id FROM workflow_entity WHERE active AND "activeVersionId" = "versionId" AND NOT "isArchived"
     UNION ALL SELECT id FROM credentials_entity`, []);
  const ids = new Set(there.map((row) => row.id));
  return [...wanted, ...flows].map((one) => one.id).filter((id) => !ids.has(id));
}

// An import may be repeated. One that a signal ended (seen once, of Node itself, when all was imported) is, once: else n8n does not start.
function n8n(...args) {
  for (const again of [true, false]) {
    try {
      execFileSync(program('n8n'), args, { stdio: ['ignore', 'inherit', 'inherit'], timeout: 180_000 });
      return;
    } catch (error) {
      const how = error.code ?? error.signal ?? error.status;
      if (!again || error.code || !error.signal) fail(`n8n ${args[0]} failed (${how})`, 'the lines above say why');
      console.error(`homeport: n8n ${args[0]} was ended by ${how}; it is run once more`);
    }
  }
}

// What `n8n publish:workflow` does (n8n 2.38, WorkflowRepository.publishVersion), for all at once: the command takes one id, and each of its
// starts costs as much as n8n's own, up to 25 s on a small busy host.
async function publish(flows) {
  await database('UPDATE workflow_entity SET active = true, "activeVersionId" = "versionId" WHERE id = ANY ($1) AND NOT "isArchived"',
    [flows.map((flow) => flow.id)]);
}

async function provide() {
  const wanted = credentials();
  const flows = workflows();
  const print = fingerprint(wanted, flows);
  const last = fs.existsSync(MARKER) ? fs.readFileSync(MARKER, 'utf8') : '';
  if (last === print && (await absent(wanted, flows)).length === 0) {
    console.log(`homeport: ${flows.length} workflows and ${wanted.length} credentials are in place`);
    return;
  }
  const file = path.join(RUN, 'credentials.json');
  fs.writeFileSync(file, JSON.stringify(wanted), { mode: 0o600 });
  try {
    n8n('import:credentials', `--input=${file}`);
  } finally {
    fs.rmSync(file);
  }
  n8n('import:workflow', '--separate', `--input=${WORKFLOWS}`);
  await publish(flows);
  const left = await absent(wanted, flows);
  if (left.length > 0) fail(`not in place after the import: ${left.join(', ')}`, 'the lines above say why');
  fs.writeFileSync(MARKER, print, { mode: 0o600 });
  console.log(`homeport: imported ${flows.length} workflows and ${wanted.length} credentials`);
}

// The key of a program at n8n's own API. n8n looks a key with the prefix n8n_api_ up in this table and nowhere else (n8n 2.38,
// dist/services/api-key-auth.strategy.js). Without the secret file none is there, nor is one of an earlier start.
async function apiKey() {
  const key = secret('api_key');
  await database('DELETE FROM user_api_keys WHERE label = $1 AND "apiKey" <> $2', [KEY_LABEL, key]);
  if (!key) return;
  const scopes = Object.entries(SCOPES).flatMap(([resource, verbs]) => verbs.map((verb) => `${resource}:${verb}`));
  await database(
    `INSERT INTO user_api_keys (id, "userId", label, "apiKey", scopes, audience)
     SELECT $1, id, $2, $3, $4, 'public-api' FROM "user" WHERE "roleSlug" = 'global:owner' ORDER BY "createdAt" LIMIT 1
     ON CONFLICT ("apiKey") DO UPDATE SET scopes = EXCLUDED.scopes`,
    ['homeportApiKey01', KEY_LABEL, key, JSON.stringify(scopes)]);
  const rows = await database('SELECT 1 FROM user_api_keys WHERE "apiKey" = $1', [key]);
  if (rows.length === 0) fail('n8n has no owner to give its API key to', 'look at the lines above');
}

function known() {
  const { version } = n8nRequire()('../package.json');
  if (MAJORS.includes(version.split('.')[0])) return;
  fail(`n8n ${version} is not known here: provision.cjs writes the tables of n8n ${MAJORS.join(' and ')}`,
    'fix: choose an image of n8n 2 in homeport:settings.services, or bring catalog/n8n up to that version');
}

async function main() {
  known();
  fs.mkdirSync(RUN, { recursive: true, mode: 0o700 });
  // No task runner is attached (no Code nodes); the broker still wants a token, which nobody is told.
  fs.writeFileSync(path.join(RUN, 'runner_token'), crypto.randomBytes(32).toString('hex'), { mode: 0o600 });
  process.env.N8N_RUNNERS_AUTH_TOKEN_FILE = path.join(RUN, 'runner_token');
  await provide();
  await apiKey();
}

main().catch((error) => fail(error.message, 'this is a defect of provision.cjs'));
