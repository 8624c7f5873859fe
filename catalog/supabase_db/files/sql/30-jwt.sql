-- How long a token holds, for functions that make one. The secret that signs them is not here: whoever may run SQL could
-- ask for it (upstream left it out as well; supabase/supabase, docker/volumes/db/jwt.sql).
ALTER DATABASE postgres SET "app.settings.jwt_exp" TO '3600';
