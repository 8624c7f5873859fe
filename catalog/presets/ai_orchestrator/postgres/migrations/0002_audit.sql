-- An append-only log in which every row carries the hash of the row before it.
--
-- hash = SHA-256 over seq, at (UTC, microseconds), tenant_id, actor, action, target, details (text of the jsonb), prev_hash; each field as
-- its length in bytes, ":", the value, ","; an absent one as "-,". Whoever has the rows can check them without this database.

CREATE TABLE public.audit_log (
    seq       bigint      PRIMARY KEY,
    at        timestamptz NOT NULL,
    tenant_id text        NOT NULL CHECK (length(tenant_id) BETWEEN 1 AND 128),
    actor     text        NOT NULL CHECK (length(actor) BETWEEN 1 AND 256),
    action    text        NOT NULL CHECK (length(action) BETWEEN 1 AND 256),
    target    text        CHECK (length(target) <= 1024),
    details   jsonb       CHECK (octet_length(details::text) <= 65536),
    prev_hash text        NOT NULL,
    hash      text        NOT NULL
);
CREATE INDEX audit_log_tenant ON public.audit_log (tenant_id, seq);

-- Where the chain ends. Without it, a cut-off tail would leave a shorter chain that looks whole.
CREATE TABLE public.audit_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    seq      bigint  NOT NULL,
    hash     text    NOT NULL
);
INSERT INTO public.audit_head (seq, hash) VALUES (0, repeat('0', 64));

CREATE FUNCTION public.audit_hash(entry public.audit_log) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT encode(sha256(convert_to(string_agg(coalesce(octet_length(value) || ':' || value, '-') || ',', '' ORDER BY place), 'UTF8')), 'hex')
    FROM unnest(ARRAY[
        entry.seq::text, to_char(entry.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), entry.tenant_id, entry.actor, entry.action,
        entry.target, entry.details::text, entry.prev_hash
    ]) WITH ORDINALITY AS field (value, place)
$$;

-- Links each new row to the chain, whatever the statement said of seq, at and hashes. One writer at a time: the lock ends with the transaction.
CREATE FUNCTION public.audit_link() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    head public.audit_head;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('homeport.audit_log', 0));
    SELECT * INTO STRICT head FROM public.audit_head;
    NEW.seq := head.seq + 1;
    NEW.at := clock_timestamp();
    NEW.prev_hash := head.hash;
    NEW.hash := public.audit_hash(NEW);
    UPDATE public.audit_head SET seq = NEW.seq, hash = NEW.hash;
    RETURN NEW;
END
$$;

CREATE FUNCTION public.audit_refuse() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;

-- The head moves only one step forward, and only from within audit_link.
CREATE FUNCTION public.audit_head_step() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF NEW.seq <> OLD.seq + 1 OR pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'audit_head follows audit_log: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER link BEFORE INSERT ON public.audit_log FOR EACH ROW EXECUTE FUNCTION public.audit_link();
CREATE TRIGGER refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON public.audit_log FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse();
CREATE TRIGGER step BEFORE UPDATE ON public.audit_head FOR EACH ROW EXECUTE FUNCTION public.audit_head_step();
CREATE TRIGGER refuse BEFORE INSERT OR DELETE OR TRUNCATE ON public.audit_head FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse();
-- ALWAYS: also under session_replication_role = replica.
ALTER TABLE public.audit_log ENABLE ALWAYS TRIGGER link;
ALTER TABLE public.audit_log ENABLE ALWAYS TRIGGER refuse;
ALTER TABLE public.audit_head ENABLE ALWAYS TRIGGER step;
ALTER TABLE public.audit_head ENABLE ALWAYS TRIGGER refuse;

CREATE FUNCTION public.audit_append(tenant text, actor text, action text, target text DEFAULT NULL, details jsonb DEFAULT NULL)
RETURNS TABLE (seq bigint, hash text)
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    INSERT INTO public.audit_log AS entry (tenant_id, actor, action, target, details) VALUES ($1, $2, $3, $4, $5)
    RETURNING entry.seq, entry.hash
$$;

-- Where the chain ends now, to be kept somewhere else: see audit_verify.
CREATE FUNCTION public.audit_anchor() RETURNS TABLE (seq bigint, hash text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$ SELECT head.seq, head.hash FROM public.audit_head AS head $$;

-- The first seq at which the log is not what was appended, or null. An anchor that was kept elsewhere also finds a chain that was computed anew
-- by someone who can switch triggers off.
CREATE FUNCTION public.audit_verify(anchor_seq bigint DEFAULT 0, anchor_hash text DEFAULT repeat('0', 64)) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    WITH chain AS (
        SELECT entry.seq, entry.hash, entry.prev_hash, row_number() OVER in_order AS place,
               lag(entry.hash, 1, repeat('0', 64)) OVER in_order AS expected, public.audit_hash(entry) AS computed
        FROM public.audit_log AS entry
        WINDOW in_order AS (ORDER BY entry.seq)
    ), head AS (
        SELECT coalesce(max(h.seq), -1) AS seq, max(h.hash) AS hash FROM public.audit_head AS h
    ), tail AS (
        SELECT coalesce(max(chain.seq), 0) AS seq FROM chain
    ), broken AS (
        SELECT least(seq, place) AS seq FROM chain WHERE seq <> place OR prev_hash <> expected OR hash <> computed
        UNION ALL
        SELECT greatest(1, least(tail.seq, head.seq) + 1) FROM tail, head WHERE tail.seq <> head.seq
        UNION ALL
        SELECT chain.seq FROM chain, head WHERE chain.seq = head.seq AND chain.hash <> head.hash
        UNION ALL
        SELECT anchor_seq WHERE anchor_seq > 0 AND NOT EXISTS (SELECT FROM chain WHERE chain.seq = anchor_seq AND chain.hash = anchor_hash)
    )
    SELECT min(seq) FROM broken
$$;

ALTER TABLE public.audit_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON public.audit_log FOR SELECT USING (tenant_id = current_setting('homeport.tenant', true));

REVOKE ALL ON public.audit_log, public.audit_head FROM PUBLIC, ai_user;
REVOKE UPDATE, DELETE, TRUNCATE ON public.audit_log FROM ai_owner;
REVOKE INSERT, DELETE, TRUNCATE ON public.audit_head FROM ai_owner;
GRANT SELECT ON public.audit_log TO ai_user;
REVOKE ALL ON FUNCTION public.audit_hash(public.audit_log), public.audit_link(), public.audit_refuse(), public.audit_head_step(),
    public.audit_append(text, text, text, text, jsonb), public.audit_anchor(), public.audit_verify(bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.audit_append(text, text, text, text, jsonb), public.audit_anchor(),
    public.audit_verify(bigint, text) TO ai_user;
