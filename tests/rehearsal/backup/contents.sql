-- What a server holds before it is lost: of each kind something, with names and values that need care.
CREATE ROLE app_owner; CREATE ROLE app LOGIN PASSWORD 'c4nary-of-app' CONNECTION LIMIT 9; GRANT app_owner TO app;
CREATE ROLE "odd ""role""" LOGIN; ALTER ROLE app SET statement_timeout = '30s';
CREATE DATABASE "we'ird=x" OWNER app_owner ENCODING 'UTF8' TEMPLATE template0;
ALTER DATABASE "we'ird=x" SET search_path = "$user", public, extensions;
ALTER ROLE app IN DATABASE "we'ird=x" SET work_mem = '8MB';
REVOKE CONNECT ON DATABASE "we'ird=x" FROM PUBLIC; GRANT CONNECT ON DATABASE "we'ird=x" TO app;
COMMENT ON DATABASE "we'ird=x" IS E'two\nlines';
CREATE EXTENSION vector; CREATE SCHEMA "of app" AUTHORIZATION app_owner;
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE "of app".parents (id bigserial PRIMARY KEY, name text UNIQUE, mood mood, at timestamptz DEFAULT now());
CREATE TABLE "of app".children (
  id int GENERATED ALWAYS AS IDENTITY, parent bigint REFERENCES "of app".parents, body bytea, doc jsonb, place vector(3),
  price numeric(12, 4) CHECK (price >= 0), doubled numeric GENERATED ALWAYS AS (price * 2) STORED);
ALTER TABLE "of app".parents OWNER TO app_owner; GRANT SELECT ON "of app".children TO app;
ALTER TABLE "of app".children ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON "of app".children USING (parent = 1);
CREATE INDEX ON "of app".children USING gin (doc); CREATE MATERIALIZED VIEW counts AS SELECT count(*) FROM "of app".parents;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.at := now(); RETURN NEW; END $$;
CREATE TRIGGER touched BEFORE UPDATE ON "of app".parents FOR EACH ROW EXECUTE FUNCTION touch();
INSERT INTO "of app".parents (name, mood) SELECT E'tab\t, line\n, \\., é😀 ' || n, 'good' FROM generate_series(1, 500) n;
INSERT INTO "of app".parents (name) VALUES (NULL), (E'\\restrict x'), ('GRANT ALL ON DATABASE postgres TO app;');
INSERT INTO "of app".children (parent, body, doc, place, price)
  SELECT n, sha256(n::text::bytea), jsonb_build_object('n', n, 'deep', ARRAY[n, NULL]), ARRAY[n, 0.5, -n]::real[], n / 3.0
  FROM generate_series(1, 500) n;
REFRESH MATERIALIZED VIEW counts; SELECT setval('"of app".parents_id_seq', 4711);
SELECT lo_from_bytea(7001, convert_to(repeat('large object ', 5000), 'UTF8')); ALTER LARGE OBJECT 7001 OWNER TO app_owner;
