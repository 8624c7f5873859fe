-- Webhooks: a trigger that calls a URL with the row that changed. Calling needs pg_net.
-- Facts: supabase/supabase, docker/volumes/db/webhooks.sql; supabase/pg_net, README.
SET client_min_messages = warning;

CREATE SCHEMA IF NOT EXISTS supabase_functions AUTHORIZATION supabase_functions_admin;
GRANT USAGE ON SCHEMA supabase_functions TO postgres, anon, authenticated, service_role;
GRANT supabase_functions_admin TO postgres;

CREATE TABLE IF NOT EXISTS supabase_functions.hooks (
  id bigserial PRIMARY KEY,
  hook_table_id integer NOT NULL,
  hook_name text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  request_id bigint
);
CREATE INDEX IF NOT EXISTS supabase_functions_hooks_request_id_idx ON supabase_functions.hooks (request_id);
CREATE INDEX IF NOT EXISTS supabase_functions_hooks_h_table_id_h_name_idx
  ON supabase_functions.hooks (hook_table_id, hook_name);
CREATE TABLE IF NOT EXISTS supabase_functions.migrations (
  version text PRIMARY KEY,
  inserted_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO supabase_functions.migrations (version)
VALUES ('initial'), ('20210809183423_update_grants')
ON CONFLICT DO NOTHING;
ALTER TABLE supabase_functions.hooks OWNER TO supabase_functions_admin;
ALTER TABLE supabase_functions.migrations OWNER TO supabase_functions_admin;

SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_net') AS can_call \gset
\if :can_call
CREATE EXTENSION IF NOT EXISTS pg_net WITH SCHEMA extensions;
GRANT USAGE ON SCHEMA net TO supabase_functions_admin, postgres, service_role;

-- Arguments of the trigger, as Studio writes them: URL, method, headers, parameters, milliseconds.
CREATE OR REPLACE FUNCTION supabase_functions.http_request() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $f$
DECLARE
  asked bigint;
  headers jsonb := coalesce(nullif(TG_ARGV[2], 'null')::jsonb, '{"Content-Type": "application/json"}');
  params jsonb := coalesce(nullif(TG_ARGV[3], 'null')::jsonb, '{}');
  milliseconds integer := coalesce(nullif(TG_ARGV[4], 'null')::integer, 1000);
BEGIN
  IF coalesce(TG_ARGV[0], 'null') = 'null' THEN
    RAISE EXCEPTION 'a webhook needs a URL as its first argument';
  END IF;
  IF TG_ARGV[1] = 'GET' THEN
    asked := net.http_get(TG_ARGV[0], params, headers, milliseconds);
  ELSIF TG_ARGV[1] = 'POST' THEN
    asked := net.http_post(
      TG_ARGV[0],
      jsonb_build_object(
        'type', TG_OP, 'schema', TG_TABLE_SCHEMA, 'table', TG_TABLE_NAME, 'record', to_jsonb(NEW),
        'old_record', to_jsonb(OLD)
      ),
      params, headers, milliseconds
    );
  ELSE
    RAISE EXCEPTION 'a webhook''s method is GET or POST, not %', TG_ARGV[1];
  END IF;
  INSERT INTO supabase_functions.hooks (hook_table_id, hook_name, request_id) VALUES (TG_RELID, TG_NAME, asked);
  RETURN coalesce(NEW, OLD);
END
$f$;
ALTER FUNCTION supabase_functions.http_request() OWNER TO supabase_functions_admin;
REVOKE ALL ON FUNCTION supabase_functions.http_request() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION supabase_functions.http_request() TO postgres, anon, authenticated, service_role;
\endif
