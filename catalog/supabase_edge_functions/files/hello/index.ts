// A first function: says hello to the name that it is sent. Called with
// curl -H "Authorization: Bearer KEY" -d '{"name": "you"}' https://HOST/functions/v1/hello

Deno.serve(async (request: Request) => {
  const sent = await request.json().catch(() => ({}));
  return Response.json({ message: `Hello ${typeof sent?.name === "string" ? sent.name : "world"}` });
});
