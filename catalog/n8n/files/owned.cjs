// Ends with 0 where n8n's database has an owner who can sign in, with 1 where it has none.
'use strict';

const fs = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');

const program = process.env.PATH.split(':').map((folder) => path.join(folder, 'n8n')).find((file) => fs.existsSync(file));
const { Client } = createRequire(fs.realpathSync(program))('pg');

async function owned() {
  const client = new Client({
    host: process.env.DB_POSTGRESDB_HOST, port: Number(process.env.DB_POSTGRESDB_PORT ?? 5432), database: process.env.DB_POSTGRESDB_DATABASE,
    user: process.env.DB_POSTGRESDB_USER, password: fs.readFileSync(process.env.DB_POSTGRESDB_PASSWORD_FILE, 'utf8'),
  });
  await client.connect();
  try {
    const { rows } = await client.query(`SELECT 1 FROM "user" WHERE "roleSlug" = 'global:owner' AND password IS NOT NULL`);
    return rows.length > 0;
  } catch (error) {
    if (error.code === '42P01') return false; // undefined_table: n8n has never run on this database
    throw error;
  } finally {
    await client.end();
  }
}

owned().then((owner) => process.exit(owner ? 0 : 1), (error) => {
  // Nobody knows: an owner who is there is not to be changed by mistake.
  console.error(`homeport: n8n's owner: ${error.message}`);
  process.exit(0);
});
