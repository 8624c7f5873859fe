-- What users of Supabase make: tables under row security, files of the service's schemas, databases of applications.
CREATE TABLE public.notes (owner uuid, text text, open boolean NOT NULL DEFAULT false);
ALTER TABLE public.notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY "own rows, né😀" ON public.notes TO authenticated USING (owner = auth.uid()) WITH CHECK (owner = auth.uid());
CREATE POLICY open ON public.notes FOR SELECT TO anon USING (open);
INSERT INTO public.notes VALUES
  ('11111111-1111-4111-8111-111111111111', 'a1', false), ('11111111-1111-4111-8111-111111111111', 'a2', false),
  ('22222222-2222-4222-8222-222222222222', 'b1', false), (NULL, 'public', true);
GRANT ALL ON public.notes TO anon, authenticated, service_role;
CREATE SCHEMA private AUTHORIZATION postgres;
CREATE TABLE private.ledger (text text, id uuid DEFAULT extensions.uuid_generate_v4());
ALTER TABLE private.ledger OWNER TO postgres;
ALTER TABLE private.ledger ENABLE ROW LEVEL SECURITY;
ALTER TABLE private.ledger FORCE ROW LEVEL SECURITY;
INSERT INTO private.ledger VALUES ('x');
GRANT USAGE ON SCHEMA private TO authenticated;
GRANT SELECT ON private.ledger TO authenticated;
SET ROLE supabase_auth_admin;
CREATE TABLE auth.users (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), email text UNIQUE);
INSERT INTO auth.users (email) SELECT 'user' || n || '@example.com' FROM generate_series(1, 50) n;
RESET ROLE;
SET ROLE supabase_storage_admin;
CREATE TABLE storage.objects (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text, owner uuid);
ALTER TABLE storage.objects ENABLE ROW LEVEL SECURITY;
INSERT INTO storage.objects (name) VALUES ('a/b c/né😀.png');
RESET ROLE;
CREATE POLICY mine ON storage.objects TO authenticated USING (owner = auth.uid());
CREATE FUNCTION public.whose() RETURNS uuid LANGUAGE sql SECURITY DEFINER SET search_path = '' AS 'SELECT auth.uid()';
REVOKE ALL ON FUNCTION public.whose() FROM PUBLIC;
CREATE FUNCTION public.touched() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER hook AFTER INSERT ON public.notes FOR EACH ROW WHEN (NEW.open) EXECUTE FUNCTION public.touched();
ALTER PUBLICATION supabase_realtime ADD TABLE public.notes;
CREATE ROLE n8n LOGIN PASSWORD 'c4nary-of-n8n';
CREATE ROLE dbt LOGIN;
CREATE DATABASE n8n OWNER n8n;
REVOKE ALL ON DATABASE n8n FROM PUBLIC;
GRANT CONNECT ON DATABASE n8n TO postgres;
CREATE DATABASE analytics OWNER dbt;
\connect _supabase
CREATE TABLE _analytics.logs (at timestamptz, line text);
INSERT INTO _analytics.logs SELECT now(), 'line ' || n FROM generate_series(1, 20) n;
\connect n8n
SET ROLE n8n;
CREATE TABLE public.workflow_entity (id text PRIMARY KEY, nodes json);
INSERT INTO workflow_entity SELECT n, '[]' FROM generate_series(1, 3) n;
