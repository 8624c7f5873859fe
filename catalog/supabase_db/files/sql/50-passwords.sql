-- The password of each role that logs in. A rotated one is taken here, at the start that the new file causes.
SET client_min_messages = warning;
-- Statements such as these would be kept with the values in them, where the extension is loaded.
SET pg_stat_statements.track = 'none';
SET password_encryption = 'scram-sha-256';

\set admin `cat /etc/homeport/passwords/admin`
\set auth `cat /etc/homeport/passwords/supabase_auth_admin`
\set rest `cat /etc/homeport/passwords/authenticator`
\set storage `cat /etc/homeport/passwords/supabase_storage_admin`
\set pooler `cat /etc/homeport/passwords/pgbouncer`

ALTER ROLE supabase_admin PASSWORD :'admin';
ALTER ROLE postgres PASSWORD :'admin';
ALTER ROLE supabase_auth_admin PASSWORD :'auth';
ALTER ROLE authenticator PASSWORD :'rest';
ALTER ROLE supabase_storage_admin PASSWORD :'storage';
ALTER ROLE pgbouncer PASSWORD :'pooler';

-- These log in nowhere here.
ALTER ROLE supabase_functions_admin PASSWORD NULL;
ALTER ROLE supabase_replication_admin PASSWORD NULL;
ALTER ROLE supabase_read_only_user PASSWORD NULL;
