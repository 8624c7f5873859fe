-- Another size of vectors than that of the memories that are stored: refused before anything is removed. The superuser asks, who alone can
-- empty the table: row level security hides its rows from their owner.
SELECT count(*) AS there FROM pg_catalog.pg_class WHERE oid = to_regclass('public.memories') \gset
\if :there
SELECT 'homeport:settings.embedding.dimensions',
    format('the memories were stored with vectors of %s, the settings say %s', held.atttypmod, :'embedding_dimensions'),
    format(
        'Or, after a backup, delete all memories (docker exec {container} psql -U %s -d %s -c "TRUNCATE public.memories RESTART IDENTITY"). '
            'Run: bin/homeport pulumi config set --stack {stack} --path homeport:settings.embedding.dimensions %s',
        current_user, current_database(), held.atttypmod
    )
FROM pg_catalog.pg_attribute AS held
WHERE held.attrelid = to_regclass('public.memories') AND held.attname = 'embedding' AND held.atttypmod <> :'embedding_dimensions'::integer
    AND EXISTS (
        SELECT FROM pg_catalog.pg_sequences
        WHERE schemaname = 'public' AND sequencename = 'memories_id_seq' AND last_value IS NOT NULL
    );
\endif
