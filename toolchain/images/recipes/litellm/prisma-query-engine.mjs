#!/usr/local/bin/node
// Prisma's query engine as a program: the WebAssembly build that npm's @prisma/client ships, behind the HTTP interface of
// the native program, which no package registry has. Prisma Client Python asks in GraphQL, this build takes JSON: the two
// protocols are of the same engine (prisma/prisma-engines, query-engine/request-handlers), so a query is written anew.
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { parse } = require('graphql');
const { Pool } = require('pg');
const { PrismaPg } = require('@prisma/adapter-pg');
const { bindAdapter } = require('@prisma/driver-adapter-utils');

const RUNTIME = '@prisma/client/runtime/query_engine_bg.postgresql';
const ACTIONS = /^(findUnique|findFirst|findMany|createMany|createOne|updateMany|updateOne|deleteMany|deleteOne|upsertOne|aggregate|groupBy)(.+?)(OrThrow)?$/;

function option(name, usual) {
  const place = process.argv.indexOf(name);
  return place < 0 ? usual : process.argv[place + 1];
}

function databaseUrl(schema) {
  const chosen = process.env.OVERWRITE_DATASOURCES ? JSON.parse(process.env.OVERWRITE_DATASOURCES) : [];
  const variable = /url\s*=\s*env\("(\w+)"\)/.exec(schema)[1];
  return chosen[0]?.url ?? process.env[variable];
}

async function opened() {
  const datamodel = fs.readFileSync(process.env.PRISMA_DML_PATH, 'utf8');
  const runtime = require(`${RUNTIME}.js`);
  const { instance } = await WebAssembly.instantiate(
    fs.readFileSync(require.resolve(`${RUNTIME}.wasm`)), { './query_engine_bg.js': runtime });
  runtime.__wbg_set_wasm(instance.exports);
  const url = new URL(databaseUrl(datamodel));
  const limit = Number(url.searchParams.get('connection_limit') ?? 10);
  // What stands behind the question mark is for the native engine.
  const connectionString = url.href.split('?')[0];
  const pool = new Pool({ connectionString, max: limit, connectionTimeoutMillis: 10_000 });
  // A server that restarts ends idle connections; the next query gets a new one.
  pool.on('error', () => {});
  const engine = new runtime.QueryEngine(
    { datamodel, logLevel: 'error', logQueries: false }, () => {}, bindAdapter(new PrismaPg(pool)));
  await engine.connect('{}');
  return engine;
}

// By model the fields that hold JSON: in GraphQL their values are texts of JSON, which JSON's protocol marks. Unmarked they
// would be kept as texts: "{}" where {} is meant.
function jsonFields(schema) {
  return Object.fromEntries([...schema.matchAll(/^model\s+(\w+)\s*\{([^]*?)^\}/gm)].map(([, model, body]) =>
    [model, new Set([...body.matchAll(/^\s*(\w+)\s+Json\b/gm)].map(([, name]) => name))]));
}
const JSON_FIELDS = process.env.PRISMA_DML_PATH ? jsonFields(fs.readFileSync(process.env.PRISMA_DML_PATH, 'utf8')) : {};

// A value of such a field, also where it stands in a change or a filter.
function marked(written) {
  if (typeof written === 'string') return { $type: 'Json', value: written };
  if (written === null || typeof written !== 'object' || Array.isArray(written)) return written;
  const inside = ['set', 'equals', 'not'].filter((name) => typeof written[name] === 'string');
  return { ...written, ...Object.fromEntries(inside.map((name) => [name, marked(written[name])])) };
}

function withJson(written, names) {
  if (Array.isArray(written)) return written.map((inner) => withJson(inner, names));
  if (written === null || typeof written !== 'object' || '$type' in written) return written;
  return Object.fromEntries(Object.entries(written).map(([name, inner]) =>
    [name, names.has(name) ? marked(inner) : withJson(inner, names)]));
}

// A GraphQL value as JSON; an enum's word is a text in JSON's protocol.
function value(node) {
  switch (node.kind) {
    case 'NullValue': return null;
    case 'IntValue': return Number.isSafeInteger(Number(node.value)) ? Number(node.value) : { $type: 'BigInt', value: node.value };
    case 'FloatValue': return Number(node.value);
    case 'ListValue': return node.values.map(value);
    case 'ObjectValue': return fields(node.fields);
    default: return node.value;
  }
}

function fields(nodes) {
  return Object.fromEntries(nodes.map((node) => [node.name.value, value(node.value)]));
}

function selection(set) {
  return Object.fromEntries(set.selections.map((node) => {
    if (!node.selectionSet && !node.arguments.length) return [node.name.value, true];
    return [node.name.value, { arguments: fields(node.arguments), selection: node.selectionSet ? selection(node.selectionSet) : {} }];
  }));
}

function asJson(text) {
  const [root] = parse(text, { noLocation: true }).definitions[0].selectionSet.selections;
  const name = root.name.value;
  const query = { arguments: fields(root.arguments), selection: root.selectionSet ? selection(root.selectionSet) : {} };
  const [, action, modelName, strict] = ACTIONS.exec(name) ?? [];
  query.arguments = withJson(query.arguments, JSON_FIELDS[modelName] ?? new Set());
  return { name, body: action ? { modelName, action: action + (strict ?? ''), query } : { action: name, query } };
}

// JSON's protocol marks a value's type where GraphQL has a text.
function plain(result) {
  if (Array.isArray(result)) return result.map(plain);
  if (result === null || typeof result !== 'object') return result;
  if ('$type' in result) return result.value;
  return Object.fromEntries(Object.entries(result).map(([key, inner]) => [key, plain(inner)]));
}

function answer(name, text) {
  const { data, errors, ...rest } = JSON.parse(text);
  if (errors) return { errors };
  if (!data) return { errors: [{ error: JSON.stringify(rest), user_facing_error: rest }] };
  const [result] = Object.values(data);
  // Rows of raw queries are handed on as they are: their client knows the types.
  return { data: { result: name.endsWith('Raw') ? result : plain(result) } };
}

async function queried(engine, body, transaction) {
  if (!body.batch) {
    const { name, body: query } = asJson(body.query);
    return answer(name, await engine.query(JSON.stringify(query), '{}', transaction));
  }
  const parts = body.batch.map((part) => asJson(part.query));
  const batch = { batch: parts.map((part) => part.body), transaction: body.transaction ? {} : undefined };
  const { batchResult, ...rest } = JSON.parse(await engine.query(JSON.stringify(batch), '{}', transaction));
  if (!batchResult) return { errors: rest.errors ?? [{ error: JSON.stringify(rest), user_facing_error: rest }] };
  return { batchResult: batchResult.map((part, index) => answer(parts[index].name, JSON.stringify(part))) };
}

async function handled(engine, request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  if (request.url === '/status') return { status: 'ok' };
  if (request.url === '/metrics') return {};
  if (request.url === '/transaction/start') return JSON.parse(await engine.startTransaction(text, '{}'));
  const [, id, end] = /^\/transaction\/([^/]+)\/(commit|rollback)$/.exec(request.url) ?? [];
  if (id) {
    const ended = await (end === 'commit' ? engine.commitTransaction(id, '{}') : engine.rollbackTransaction(id, '{}'));
    return JSON.parse(ended || '{}');
  }
  return queried(engine, JSON.parse(text), request.headers['x-transaction-id']);
}

if (process.argv.includes('--version')) {
  console.log(`query-engine ${require('@prisma/engines-version').enginesVersion}`);
  process.exit(0);
}
for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => process.exit(0));
const engine = await opened();
http.createServer((request, response) => {
  handled(engine, request).then(
    (result) => {
      const failed = result.error_code !== undefined;
      response.writeHead(failed ? 400 : 200, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(result));
    },
    (error) => {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify({ errors: [{ error: String(error?.message ?? error), user_facing_error: { message: 'query engine', error_code: '' } }] }));
    });
}).listen(Number(option('-p', 4466)), 'localhost');
