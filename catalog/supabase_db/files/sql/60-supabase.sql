-- The database of Supabase's own services: logs and the pooler. Last, for it leaves the database postgres.
-- Facts: supabase/supabase, docker/volumes/db/_supabase.sql, logs.sql, pooler.sql.
SET client_min_messages = warning;

SELECT 'CREATE DATABASE _supabase OWNER supabase_admin'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '_supabase')
\gexec
-- Nobody else looks into it; for a dump.
REVOKE ALL ON DATABASE _supabase FROM PUBLIC;
GRANT CONNECT ON DATABASE _supabase TO postgres;

\connect _supabase
SET client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS _analytics AUTHORIZATION supabase_admin;
CREATE SCHEMA IF NOT EXISTS _supavisor AUTHORIZATION supabase_admin;
