// Called for every request: checks the caller's token, then starts the function that the path names.
// Facts: supabase/edge-runtime, examples/main/index.ts. Nothing is imported, so that it starts without the internet.

declare const EdgeRuntime: {
  userWorkers: {
    create(options: {
      servicePath: string;
      memoryLimitMb: number;
      workerTimeoutMs: number;
      noModuleCache: boolean;
      envVars: [string, string][];
    }): Promise<{ fetch(request: Request): Promise<Response> }>;
  };
};

const FOLDERS = ["/home/deno/functions", "/etc/homeport/functions"];
const VERIFY = Deno.env.get("VERIFY_JWT") === "true";
const KEY = await crypto.subtle.importKey(
  "raw",
  new TextEncoder().encode(Deno.env.get("JWT_SECRET") ?? ""),
  { name: "HMAC", hash: "SHA-256" },
  false,
  ["verify"],
);

function answer(status: number, message: string): Response {
  return Response.json({ message }, { status });
}

function decoded(part: string): Uint8Array {
  return Uint8Array.from(atob(part.replace(/-/g, "+").replace(/_/g, "/")), (character) => character.charCodeAt(0));
}

// Whether a request has a token that was signed with our secret and still holds.
async function known(request: Request): Promise<boolean> {
  const [scheme, token] = (request.headers.get("authorization") ?? "").split(" ");
  const [header, claims, signature] = (token ?? "").split(".");
  if (scheme !== "Bearer" || !signature) return false;
  try {
    const text = new TextEncoder().encode(`${header}.${claims}`);
    if (JSON.parse(new TextDecoder().decode(decoded(header))).alg !== "HS256") return false;
    if (!(await crypto.subtle.verify("HMAC", KEY, decoded(signature), text))) return false;
    const until = JSON.parse(new TextDecoder().decode(decoded(claims))).exp;
    return typeof until === "number" && until > Date.now() / 1000;
  } catch {
    return false;
  }
}

async function folder(name: string): Promise<string | undefined> {
  for (const parent of FOLDERS) {
    try {
      if ((await Deno.stat(`${parent}/${name}`)).isDirectory) return `${parent}/${name}`;
    } catch {
      // Not there: the next one.
    }
  }
}

Deno.serve(async (request: Request) => {
  if (VERIFY && request.method !== "OPTIONS" && !(await known(request))) {
    return answer(401, "a valid token is needed, as Authorization: Bearer");
  }
  const name = new URL(request.url).pathname.split("/")[1] ?? "";
  const place = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(name) && name !== "main" ? await folder(name) : undefined;
  if (!place) return answer(404, "there is no function of that name");
  try {
    // The secret that signs tokens is for this program alone.
    const envVars = Object.entries(Deno.env.toObject()).filter(([variable]) => variable !== "JWT_SECRET");
    const worker = await EdgeRuntime.userWorkers.create({
      servicePath: place,
      memoryLimitMb: 150,
      workerTimeoutMs: 60_000,
      noModuleCache: false,
      envVars,
    });
    return await worker.fetch(request);
  } catch (error) {
    console.error(error);
    return answer(500, "the function failed; its log says why");
  }
});
