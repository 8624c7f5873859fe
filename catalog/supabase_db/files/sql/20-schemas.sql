-- Schemas that Supabase's services keep their tables in, and who may use them. Each service makes its own tables.
-- Facts: supabase/postgres, migrations/db/init-scripts; supabase/supabase, docker/volumes/db/realtime.sql.
SET client_min_messages = warning;

CREATE SCHEMA IF NOT EXISTS extensions;
CREATE SCHEMA IF NOT EXISTS auth AUTHORIZATION supabase_auth_admin;
CREATE SCHEMA IF NOT EXISTS storage AUTHORIZATION supabase_storage_admin;
CREATE SCHEMA IF NOT EXISTS realtime AUTHORIZATION supabase_admin;
CREATE SCHEMA IF NOT EXISTS _realtime AUTHORIZATION supabase_admin;
CREATE SCHEMA IF NOT EXISTS graphql_public;
CREATE SCHEMA IF NOT EXISTS pgbouncer AUTHORIZATION pgbouncer;

CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA extensions;
CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA extensions;

-- Of extensions that only the image has: where they are missing, what they do is missing, and all else works.
SELECT string_agg(name, ', ') AS missing
FROM unnest(ARRAY['pg_graphql', 'pg_net', 'pgsodium', 'supabase_vault']) AS name
WHERE name NOT IN (SELECT available.name FROM pg_available_extensions AS available)
\gset
\if :{?missing}
\echo 'this image has not:' :missing
\endif

GRANT USAGE ON SCHEMA public, extensions, graphql_public TO postgres, anon, authenticated, service_role;
GRANT USAGE ON SCHEMA auth, storage TO anon, authenticated, service_role;
GRANT USAGE ON SCHEMA auth, storage, realtime TO postgres, dashboard_user;
GRANT CREATE ON SCHEMA public TO postgres;
-- What the two that administer make in public is there for the API; what a row shows is up to its policies.
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public
  GRANT ALL ON TABLES TO postgres, anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public
  GRANT ALL ON SEQUENCES TO postgres, anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public
  GRANT ALL ON FUNCTIONS TO postgres, anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES FOR ROLE supabase_admin IN SCHEMA public
  GRANT ALL ON TABLES TO postgres, anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES FOR ROLE supabase_admin IN SCHEMA public
  GRANT ALL ON SEQUENCES TO postgres, anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES FOR ROLE supabase_admin IN SCHEMA public
  GRANT ALL ON FUNCTIONS TO postgres, anon, authenticated, service_role;

-- Whom a policy of a table is about, as PostgREST tells it.
DO $$
BEGIN
  IF to_regprocedure('auth.uid()') IS NULL THEN
    CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS
      $f$ SELECT nullif(current_setting('request.jwt.claims', true)::jsonb ->> 'sub', '')::uuid $f$;
    ALTER FUNCTION auth.uid() OWNER TO supabase_auth_admin;
  END IF;
  IF to_regprocedure('auth.role()') IS NULL THEN
    CREATE FUNCTION auth.role() RETURNS text LANGUAGE sql STABLE AS
      $f$ SELECT current_setting('request.jwt.claims', true)::jsonb ->> 'role' $f$;
    ALTER FUNCTION auth.role() OWNER TO supabase_auth_admin;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_publication WHERE pubname = 'supabase_realtime') THEN
    CREATE PUBLICATION supabase_realtime;
  END IF;
END
$$;

-- The pooler logs its clients in: it alone may ask for how a password is checked (docker/volumes/pooler/pooler.exs).
DO $$
BEGIN
  IF to_regprocedure('pgbouncer.get_auth(text)') IS NULL THEN
    CREATE FUNCTION pgbouncer.get_auth(asked text) RETURNS TABLE (username text, password text)
    LANGUAGE sql SECURITY DEFINER SET search_path = '' AS
      $f$ SELECT usename::text, passwd::text FROM pg_catalog.pg_shadow WHERE usename = asked $f$;
  END IF;
END
$$;
REVOKE ALL ON FUNCTION pgbouncer.get_auth(text) FROM PUBLIC, anon, authenticated, service_role;
GRANT EXECUTE ON FUNCTION pgbouncer.get_auth(text) TO pgbouncer;
