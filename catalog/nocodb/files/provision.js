// What NocoDB has no variable for: nobody makes an account without an invitation (its settings, by its own API), and the
// administrator's token for programs has the value of the stack's secret (its table, for its API makes values of its own).
const fs = require("node:fs");
const { setTimeout: pause } = require("node:timers/promises");
const { Client } = require(require.resolve("pg", { paths: ["/usr/src/app"] }));

const address = `http://127.0.0.1:${process.env.PORT}`;
const json = { "Content-Type": "application/json" };
const owner = { email: process.env.NC_ADMIN_EMAIL, password: process.env.NC_ADMIN_PASSWORD };
const name = "homeport";

async function ask(path, options) {
  const answer = await fetch(address + path, { ...options, signal: AbortSignal.timeout(10000) });
  if (!answer.ok) throw new Error(`${path} was answered with ${answer.status}`);
  return answer.json();
}

async function ready() {
  for (;;) {
    try {
      return await ask("/api/v1/health");
    } catch {
      await pause(1000);
    }
  }
}

async function invite() {
  const { token } = await ask("/api/v1/auth/user/signin", { method: "POST", headers: json, body: JSON.stringify(owner) });
  const headers = { ...json, "xc-auth": token };
  const settings = await ask("/api/v1/app-settings", { headers });
  if (settings.invite_only_signup) return;
  const body = JSON.stringify({ ...settings, invite_only_signup: true });
  await ask("/api/v1/app-settings", { method: "POST", headers, body });
}

async function allow(token) {
  const url = new URL(process.env.NC_DB);
  const [user, password, database] = ["u", "p", "d"].map((key) => url.searchParams.get(key));
  const client = new Client({ host: url.hostname, port: Number(url.port), user, password, database });
  await client.connect();
  try {
    // The earlier secret's value opens nothing any more, once NocoDB has started anew.
    await client.query("DELETE FROM nc_api_tokens WHERE description = $1 AND token <> $2", [name, token]);
    await client.query(
      "INSERT INTO nc_api_tokens (description, token, fk_user_id, created_at, updated_at)" +
        // NocoDB keeps addresses in lower case.
        " SELECT $1, $2, id, now(), now() FROM nc_users_v2 WHERE email = lower($3)" +
        " AND NOT EXISTS (SELECT 1 FROM nc_api_tokens WHERE token = $2)",
      [name, token, owner.email],
    );
  } finally {
    await client.end();
  }
}

ready()
  .then(invite)
  .then(() => allow(fs.readFileSync("/etc/homeport/api_token", "utf8").trim()))
  .then(() => {
    fs.writeFileSync("/tmp/provisioned", "");
    console.log("homeport: an account takes an invitation, and the token for programs is in place");
  })
  .catch((error) => {
    console.error(`homeport: NocoDB is not set up: ${error.message}`);
    process.exit(1);
  });
