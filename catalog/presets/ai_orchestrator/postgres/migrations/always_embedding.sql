-- The settings' embedding provider, written at every deployment. psql variables: embedding_url, embedding_model, embedding_dimensions.
SELECT set_config('homeport.wanted_dimensions', :'embedding_dimensions', false) \g /dev/null
DO $$
DECLARE
    wanted integer := current_setting('homeport.wanted_dimensions')::integer;
    held   integer := (SELECT atttypmod FROM pg_attribute WHERE attrelid = 'public.memories'::regclass AND attname = 'embedding');
BEGIN
    IF wanted <> held THEN
        -- Not through the table: its row level security hides all rows from its owner.
        IF (SELECT last_value FROM pg_sequences WHERE schemaname = 'public' AND sequencename = 'memories_id_seq') IS NOT NULL THEN
            RAISE EXCEPTION 'embedding dimensions: the memories were stored with %, the settings say %; set it back to %, or, as the '
                'server''s superuser and after a backup, TRUNCATE public.memories RESTART IDENTITY and store them again', held, wanted, held
                USING ERRCODE = 'object_not_in_prerequisite_state';
        END IF;
        DROP INDEX public.memories_embedding;
        EXECUTE format('ALTER TABLE public.memories ALTER COLUMN embedding TYPE public.vector(%s)', wanted);
        CREATE INDEX memories_embedding ON public.memories USING hnsw (embedding public.vector_cosine_ops);
    END IF;
END
$$;
UPDATE public.embedding_settings
SET url = :'embedding_url', model = :'embedding_model', dimensions = :embedding_dimensions
WHERE (url, model, dimensions) IS DISTINCT FROM (:'embedding_url', :'embedding_model', :embedding_dimensions);
