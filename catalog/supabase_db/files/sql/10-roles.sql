-- Roles that Supabase's services log in as or become, where the image has not made them.
-- Facts: supabase/postgres, migrations/db (init-scripts and migrations).
SET client_min_messages = warning;

DO $$
DECLARE
  wanted record;
BEGIN
  FOR wanted IN
    SELECT * FROM (VALUES
      -- Administers, and is no superuser.
      ('postgres', 'LOGIN CREATEDB CREATEROLE REPLICATION BYPASSRLS'),
      -- Whom the API becomes, by the claim "role" of a token.
      ('anon', 'NOLOGIN'),
      ('authenticated', 'NOLOGIN'),
      ('service_role', 'NOLOGIN BYPASSRLS'),
      -- Whom the services log in as.
      ('authenticator', 'LOGIN NOINHERIT'),
      ('supabase_auth_admin', 'LOGIN NOINHERIT'),
      ('supabase_storage_admin', 'LOGIN NOINHERIT'),
      ('supabase_functions_admin', 'LOGIN NOINHERIT'),
      ('supabase_replication_admin', 'LOGIN REPLICATION'),
      ('supabase_read_only_user', 'LOGIN BYPASSRLS'),
      ('pgbouncer', 'LOGIN'),
      ('dashboard_user', 'NOLOGIN CREATEDB CREATEROLE REPLICATION'),
      ('supabase_realtime_admin', 'NOLOGIN NOINHERIT')
    ) AS roles (name, attributes)
  LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name) THEN
      EXECUTE format('CREATE ROLE %I %s', wanted.name, wanted.attributes);
    END IF;
  END LOOP;
END
$$;

-- Earlier images let the API become the superuser, and its sign-in make roles; upstream took both back
-- (20230607094822_add_auth_schema_protections.sql, 20260821154147_revoke_createrole_from_auth_admin.sql).
REVOKE supabase_admin FROM authenticator;
ALTER ROLE supabase_auth_admin NOCREATEROLE;
ALTER ROLE supabase_storage_admin NOCREATEROLE;
ALTER ROLE supabase_functions_admin NOCREATEROLE;

GRANT anon, authenticated, service_role TO authenticator;
GRANT anon, authenticated, service_role TO postgres;
GRANT anon, authenticated, service_role TO supabase_storage_admin;
GRANT pg_read_all_data TO postgres, supabase_read_only_user;
GRANT pg_monitor TO postgres;

-- A caller of the API who asks for too much is cut off.
ALTER ROLE anon SET statement_timeout = '3s';
ALTER ROLE authenticated SET statement_timeout = '8s';
ALTER ROLE authenticator SET statement_timeout = '8s';
ALTER ROLE authenticator SET lock_timeout = '8s';

ALTER ROLE supabase_admin SET search_path = "$user", public, auth, extensions;
ALTER ROLE postgres SET search_path = "$user", public, extensions;
ALTER ROLE supabase_auth_admin SET search_path = auth;
ALTER ROLE supabase_auth_admin SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE supabase_storage_admin SET search_path = storage;
ALTER ROLE supabase_functions_admin SET search_path = supabase_functions;
