-- Memories with their embeddings, each tenant's apart. Run as ai_owner; ai_user is the applications' role.
-- psql variable: embedding_dimensions.

CREATE TABLE public.embedding_settings (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    url        text    NOT NULL DEFAULT '',
    model      text    NOT NULL DEFAULT '',
    dimensions integer NOT NULL CHECK (dimensions BETWEEN 8 AND 2000)  -- 2000: the most that an HNSW index takes of type vector
);
COMMENT ON TABLE public.embedding_settings IS 'One row, written by the deployer. Empty url: embed_local.';
INSERT INTO public.embedding_settings (dimensions) VALUES (:embedding_dimensions);

-- A text embedding without a model, a network or a key: hashed words, pairs of words and character n-grams.
-- The algorithm is that of apps/executor (README.md there states it); with 384 dimensions both give the same digits.
CREATE FUNCTION public.embed_local(input text, dimensions integer) RETURNS public.vector
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, public, pg_temp
AS $$
    WITH capitals AS (
        SELECT string_agg(chr(code), '' ORDER BY code) AS upper_case, string_agg(chr(code + distance), '' ORDER BY code) AS lower_case
        FROM (VALUES (65, 90, 32), (192, 222, 32), (913, 937, 32), (1024, 1039, 80), (1040, 1071, 32)) AS fold (first, last, distance),
             generate_series(first, last) AS code
        WHERE code <> 215  -- the multiplication sign sits among the capitals
    ), words AS (
        SELECT word, row_number() OVER (ORDER BY place) AS place
        FROM capitals, regexp_split_to_table(
            translate(normalize(input, NFC), upper_case, lower_case) COLLATE "C",
            '[\u0001-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u00A9\u00AB-\u00B4\u00B6-\u00B9\u00BB-\u00BF\u00D7\u00F7\u1680\u2000-\u206F\u3000-\u303F]'
        ) WITH ORDINALITY AS split (word, place)
        WHERE word <> ''
    ), features AS (
        SELECT 'w:' || word AS feature, 4 AS weight FROM words
        UNION ALL
        SELECT 'b:' || word || ' ' || next, 2 FROM (SELECT word, lead(word) OVER (ORDER BY place) AS next FROM words) AS pairs
        WHERE next IS NOT NULL
        UNION ALL
        SELECT 'c:' || substr('<' || word || '>', start, size), 1
        FROM words, (VALUES (3), (4)) AS sizes (size), generate_series(1, length(word) + 3 - size) AS start
    ), hashed AS (
        SELECT sha256(convert_to(feature, 'UTF8')) AS digest, weight FROM features
    ), counts AS (
        SELECT (get_byte(digest, 0)::bigint * 16777216 + get_byte(digest, 1) * 65536 + get_byte(digest, 2) * 256 + get_byte(digest, 3))
                   % dimensions AS place,
               sum(CASE WHEN get_byte(digest, 4) % 2 = 0 THEN weight ELSE -weight END) AS count
        FROM hashed GROUP BY 1
    ), filled AS (  -- a text without words, or whose features cancel out, counts as the one feature "e:"
        SELECT place, count FROM counts WHERE count <> 0
        UNION ALL
        SELECT (get_byte(digest, 0)::bigint * 16777216 + get_byte(digest, 1) * 65536 + get_byte(digest, 2) * 256 + get_byte(digest, 3))
                   % dimensions,
               CASE WHEN get_byte(digest, 4) % 2 = 0 THEN 1 ELSE -1 END
        FROM sha256('e:'::bytea) AS digest
        WHERE NOT EXISTS (SELECT FROM counts WHERE count <> 0)
    ), norm AS (
        SELECT sqrt(sum(count * count)::double precision) AS length FROM filled
    )
    SELECT array_agg(
               coalesce(sign(count)::double precision * floor((abs(count) * 1000000)::double precision / norm.length + 0.5) / 1000000, 0)
               ORDER BY slot
           )::public.vector
    FROM norm, generate_series(0, dimensions - 1) AS slot LEFT JOIN filled ON filled.place = slot
$$;

CREATE TABLE public.memories (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id  text        NOT NULL CHECK (length(tenant_id) BETWEEN 1 AND 128),
    scope      text        NOT NULL CHECK (length(scope) BETWEEN 1 AND 256),
    text       text        NOT NULL CHECK (length(text) BETWEEN 1 AND 32768),
    source     text        NOT NULL CHECK (length(source) BETWEEN 1 AND 256),
    model      text        NOT NULL,
    embedding  public.vector(:embedding_dimensions) NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN public.memories.model IS 'What made the embedding; vectors of different models are never compared.';
CREATE INDEX memories_embedding ON public.memories USING hnsw (embedding public.vector_cosine_ops);
CREATE INDEX memories_tenant ON public.memories (tenant_id, id);

-- The wall between tenants also binds the owner, and so every function below: without a tenant there are no rows.
ALTER TABLE public.memories ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.memories FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON public.memories
    USING (tenant_id = current_setting('homeport.tenant', true))
    WITH CHECK (tenant_id = current_setting('homeport.tenant', true));

CREATE FUNCTION public.embedding_model() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT CASE WHEN url = '' THEN 'local-hash-v1/' || dimensions ELSE model || '/' || dimensions END FROM public.embedding_settings
$$;

-- The vector to use: the given one, which a provider made, or the local one where no provider is set.
CREATE FUNCTION public.embedding_of(input text, given public.vector) RETURNS public.vector
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    settings public.embedding_settings;
BEGIN
    SELECT * INTO STRICT settings FROM public.embedding_settings;
    IF settings.url = '' THEN
        RETURN public.embed_local(input, settings.dimensions);
    ELSIF given IS NULL THEN
        RAISE EXCEPTION 'embedding: the provider gave no vector' USING ERRCODE = 'null_value_not_allowed';
    ELSIF public.vector_dims(given) <> settings.dimensions THEN
        RAISE EXCEPTION 'embedding: the provider gave % dimensions, the settings say %', public.vector_dims(given), settings.dimensions
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN given;
END
$$;

-- Stores one memory: {"id", "created_at"}.
CREATE FUNCTION public.memory_ingest(tenant text, scope text, text text, source text, given public.vector DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    before text := current_setting('homeport.tenant', true);
    stored public.memories;
BEGIN
    PERFORM set_config('homeport.tenant', tenant, true);
    INSERT INTO public.memories (tenant_id, scope, text, source, model, embedding)
    VALUES (tenant, scope, text, source, public.embedding_model(), public.embedding_of(text, given))
    RETURNING * INTO stored;
    PERFORM set_config('homeport.tenant', coalesce(before, ''), true);
    RETURN jsonb_build_object('id', stored.id, 'created_at', stored.created_at);
END
$$;

-- The nearest memories of one tenant, best first: [{"id", "scope", "text", "source", "score", "created_at"}]; score is the cosine, at most 1.
CREATE FUNCTION public.memory_search(
    tenant text, query text, within text DEFAULT NULL, most integer DEFAULT 5, least_score double precision DEFAULT NULL,
    given public.vector DEFAULT NULL
) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET hnsw.iterative_scan = 'strict_order'  -- else the index yields its 40 nearest of all tenants, and the filter leaves few or none
AS $$
DECLARE
    before text := current_setting('homeport.tenant', true);
    target public.vector := public.embedding_of(query, given);
    kind   text := public.embedding_model();
    found_rows jsonb;
BEGIN
    PERFORM set_config('homeport.tenant', tenant, true);
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'id', near.id, 'scope', near.scope, 'text', near.text, 'source', near.source,
               'score', round((1 - near.distance)::numeric, 6), 'created_at', near.created_at) ORDER BY near.distance, near.id), '[]')
    INTO found_rows
    FROM (
        SELECT m.id, m.scope, m.text, m.source, m.created_at, m.embedding <=> target AS distance
        FROM public.memories AS m
        WHERE m.tenant_id = tenant AND m.model = kind AND (within IS NULL OR m.scope = within)
        ORDER BY m.embedding <=> target
        LIMIT greatest(1, least(most, 50))
    ) AS near
    WHERE least_score IS NULL OR 1 - near.distance >= least_score;
    PERFORM set_config('homeport.tenant', coalesce(before, ''), true);
    RETURN found_rows;
END
$$;

-- What a workflow must know before it can search or store: the provider, and the tenant's newest memory, which names the cache's generation.
CREATE FUNCTION public.memory_context(tenant text)
RETURNS TABLE (embedding_url text, embedding_model_name text, embedding_dimensions integer, newest bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    before text := current_setting('homeport.tenant', true);
    last   bigint;
BEGIN
    PERFORM set_config('homeport.tenant', tenant, true);
    SELECT coalesce(max(m.id), 0) INTO last FROM public.memories AS m WHERE m.tenant_id = tenant;
    PERFORM set_config('homeport.tenant', coalesce(before, ''), true);
    RETURN QUERY SELECT s.url, s.model, s.dimensions, last FROM public.embedding_settings AS s;
END
$$;

REVOKE ALL ON FUNCTION public.embed_local(text, integer), public.embedding_model(), public.embedding_of(text, public.vector),
    public.memory_ingest(text, text, text, text, public.vector), public.memory_context(text),
    public.memory_search(text, text, text, integer, double precision, public.vector) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.embed_local(text, integer), public.embedding_model(), public.memory_context(text),
    public.memory_ingest(text, text, text, text, public.vector),
    public.memory_search(text, text, text, integer, double precision, public.vector) TO ai_user;
GRANT USAGE ON SCHEMA public TO ai_user;
GRANT SELECT ON public.memories, public.embedding_settings TO ai_user;
