// Runs inside the n8n container, against its own loopback address: makes the owner, a workflow of a webhook and a Code
// node, activates it, and prints what the webhook answers.
const base = "http://127.0.0.1:5678";
let cookie = "";

async function call(method, path, body) {
  const answer = await fetch(base + path, {
    method,
    headers: { "content-type": "application/json", "browser-id": "test", cookie },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 400)}`);
  cookie = answer.headers.get("set-cookie")?.split(";")[0] ?? cookie;
  return JSON.parse(text);
}

const node = (name, type, typeVersion, parameters) => ({
  id: name, name, type: `n8n-nodes-base.${type}`, typeVersion, position: [0, 0], parameters, webhookId: name,
});

await call("POST", "/rest/owner/setup", {
  email: "owner@example.com", firstName: "Test", lastName: "Owner", password: "Not-a-secret-1",
});
const workflow = await call("POST", "/rest/workflows", {
  name: "code",
  nodes: [
    node("Webhook", "webhook", 2, { httpMethod: "POST", path: "code", responseMode: "lastNode", options: {} }),
    node("Code", "code", 2, { jsCode: "const { a, b } = $input.first().json.body; return [{ json: { sum: a + b } }];" }),
  ],
  connections: { Webhook: { main: [[{ node: "Code", type: "main", index: 0 }]] } },
  settings: {},
});
await call("POST", `/rest/workflows/${workflow.data.id}/activate`, { versionId: workflow.data.versionId });
const [a, b] = process.argv.slice(2).map(Number);
console.log(JSON.stringify(await call("POST", "/webhook/code", { a, b })));
