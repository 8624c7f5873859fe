-- The offline queue (FP-07) and the heartbeat that says whether somebody is there to empty it.
--
-- Delivery is at least once and in order within a source: an item is handed out only when nothing before it is left of the same source. The
-- handler knows an item by its id, which never changes, and does nothing for one that it has done.

CREATE TABLE public.queue_settings (
    only_row     boolean  PRIMARY KEY DEFAULT true CHECK (only_row),
    beat_seconds integer  NOT NULL DEFAULT 60 CHECK (beat_seconds > 0),
    missed_beats integer  NOT NULL DEFAULT 3 CHECK (missed_beats > 0),
    attempts     integer  NOT NULL DEFAULT 5 CHECK (attempts > 0),
    handler      text     NOT NULL DEFAULT '',
    lease        interval NOT NULL DEFAULT '5 minutes',
    pause        interval NOT NULL DEFAULT '30 seconds'
);
INSERT INTO public.queue_settings DEFAULT VALUES;

CREATE TABLE public.heartbeat (
    node      text        PRIMARY KEY CHECK (length(node) BETWEEN 1 AND 64),
    last_seen timestamptz NOT NULL,
    status    text        NOT NULL CHECK (status IN ('online', 'offline'))
);

-- claimed: a consumer has it until lease_until. pending with a lease_until in the future: failed, and not tried again before.
CREATE TABLE public.offline_queue (
    id          bigserial   PRIMARY KEY,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    source      text        NOT NULL DEFAULT '' CHECK (length(source) <= 256),
    dedupe_key  text        UNIQUE CHECK (length(dedupe_key) <= 256),
    payload     jsonb       NOT NULL,
    status      text        NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'claimed', 'done', 'dead')),
    attempts    integer     NOT NULL DEFAULT 0,
    claimed_at  timestamptz,
    claimed_by  text        CHECK (length(claimed_by) <= 64),
    lease_until timestamptz,
    done_at     timestamptz,
    last_error  text        CHECK (length(last_error) <= 2000),
    CHECK (status <> 'claimed' OR (claimed_by IS NOT NULL AND lease_until IS NOT NULL)),
    CHECK ((status = 'done') = (done_at IS NOT NULL))
);
CREATE INDEX offline_queue_live ON public.offline_queue (source, id) WHERE status IN ('pending', 'claimed');

CREATE VIEW public.local_state AS
SELECT coalesce(bool_or(h.status = 'online' AND h.last_seen > now() - make_interval(secs => s.beat_seconds * s.missed_beats)), false) AS online,
       max(h.last_seen) AS last_seen
FROM public.queue_settings AS s LEFT JOIN public.heartbeat AS h ON true;

CREATE FUNCTION public.queue_length() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$ SELECT count(*) FROM public.offline_queue WHERE status IN ('pending', 'claimed') $$;

-- A beat; answers how many items wait.
CREATE FUNCTION public.heartbeat_beat(beat_node text, beat_status text) RETURNS bigint
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    INSERT INTO public.heartbeat (node, last_seen, status) VALUES (beat_node, clock_timestamp(), beat_status)
    ON CONFLICT (node) DO UPDATE SET last_seen = excluded.last_seen, status = excluded.status;
    SELECT public.queue_length();
$$;

-- Whoever has missed too many beats is offline from now on, until the next beat. Answers who.
CREATE FUNCTION public.heartbeat_check() RETURNS SETOF text
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    UPDATE public.heartbeat AS h SET status = 'offline'
    FROM public.queue_settings AS s
    WHERE h.status = 'online' AND h.last_seen <= clock_timestamp() - make_interval(secs => s.beat_seconds * s.missed_beats)
    RETURNING h.node
$$;

-- Keeps a request. forward: the local machine is there and nothing of this source waits, so try it at once; until its lease ends nobody else does.
-- One at a time for each source: ids are given out in the order in which the rows can be seen.
CREATE FUNCTION public.queue_accept(item_source text, item_key text, item_payload jsonb)
RETURNS TABLE (id bigint, status text, forward boolean, handler text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    kept public.offline_queue;
    known public.queue_settings;
    free boolean;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('homeport.queue.' || item_source, 0));
    SELECT * INTO STRICT known FROM public.queue_settings;
    SELECT state.online AND NOT EXISTS (
        SELECT FROM public.offline_queue AS q WHERE q.source = item_source AND q.status IN ('pending', 'claimed')
    ) INTO free FROM public.local_state AS state;
    INSERT INTO public.offline_queue AS q (source, dedupe_key, payload, status, attempts, claimed_at, claimed_by, lease_until)
    VALUES (item_source, item_key, item_payload, CASE WHEN free THEN 'claimed' ELSE 'pending' END, free::integer,
            CASE WHEN free THEN clock_timestamp() END, CASE WHEN free THEN 'forward' END,
            CASE WHEN free THEN clock_timestamp() + interval '60 seconds' END)
    ON CONFLICT (dedupe_key) DO NOTHING
    RETURNING q.* INTO kept;
    IF kept.id IS NULL THEN
        RETURN QUERY SELECT q.id, q.status, false, known.handler FROM public.offline_queue AS q WHERE q.dedupe_key = item_key;
    ELSE
        RETURN QUERY SELECT kept.id, kept.status, free, known.handler;
    END IF;
END
$$;

-- Forwarding met nobody: as if it had not been tried.
CREATE FUNCTION public.queue_release(item bigint) RETURNS boolean
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    WITH released AS (
        UPDATE public.offline_queue SET status = 'pending', attempts = attempts - 1, lease_until = NULL, claimed_by = NULL
        WHERE id = item AND status = 'claimed' AND claimed_by = 'forward' RETURNING id
    ) SELECT EXISTS (SELECT FROM released)
$$;

-- The next items in order, at most n. What the same consumer has claimed and not ended comes first again, and is no new attempt: it was
-- restarted, and says so by asking.
CREATE FUNCTION public.queue_claim(n integer, consumer text DEFAULT 'local')
RETURNS TABLE (id bigint, source text, payload jsonb, attempts integer, received_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    -- One claim at a time: two that skip each other's locked rows would break the order within a source.
    PERFORM pg_advisory_xact_lock(hashtextextended('homeport.queue', 0));
    RETURN QUERY
    WITH live AS (
        SELECT q.id, bool_and(
                   CASE q.status WHEN 'pending' THEN q.lease_until IS NULL OR q.lease_until <= clock_timestamp()
                                 ELSE q.claimed_by = consumer OR q.lease_until <= clock_timestamp() END
               ) OVER (PARTITION BY q.source ORDER BY q.id) AS free
        FROM public.offline_queue AS q WHERE q.status IN ('pending', 'claimed')
    ), picked AS (
        SELECT q.id FROM public.offline_queue AS q JOIN live USING (id)
        WHERE live.free ORDER BY q.id LIMIT greatest(1, least(n, 100)) FOR UPDATE OF q SKIP LOCKED
    ), claimed AS (
        UPDATE public.offline_queue AS q
        SET status = 'claimed', claimed_by = consumer, claimed_at = clock_timestamp(),
            lease_until = clock_timestamp() + (SELECT s.lease FROM public.queue_settings AS s),
            attempts = q.attempts + (NOT (q.status = 'claimed' AND q.claimed_by = consumer))::integer
        FROM picked WHERE q.id = picked.id
        RETURNING q.id, q.source, q.payload, q.attempts, q.received_at
    )
    SELECT * FROM claimed AS c ORDER BY c.id;
END
$$;

-- It is done, whoever says so and however late. True unless there is no such item.
CREATE FUNCTION public.queue_ack(item bigint) RETURNS boolean
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    UPDATE public.offline_queue SET status = 'done', done_at = clock_timestamp(), lease_until = NULL, last_error = NULL
    WHERE id = item AND status <> 'done';
    SELECT EXISTS (SELECT FROM public.offline_queue WHERE id = item);
$$;

-- It could not be done: again later, or never. Answers the item's status, or null where there is no such item.
CREATE FUNCTION public.queue_fail(item bigint, err text) RETURNS text
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    UPDATE public.offline_queue AS q
    SET status = CASE WHEN q.attempts >= s.attempts THEN 'dead' ELSE 'pending' END,
        lease_until = CASE WHEN q.attempts >= s.attempts THEN NULL ELSE clock_timestamp() + s.pause * q.attempts END,
        claimed_by = NULL, last_error = left(err, 2000)
    FROM public.queue_settings AS s WHERE q.id = item AND q.status = 'claimed';
    SELECT status FROM public.offline_queue WHERE id = item;
$$;

-- What a consumer claimed and never ended: again, or never.
CREATE FUNCTION public.queue_maintain() RETURNS TABLE (id bigint, status text)
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    UPDATE public.offline_queue AS q
    SET status = CASE WHEN q.attempts >= s.attempts THEN 'dead' ELSE 'pending' END,
        lease_until = NULL, claimed_by = NULL, last_error = coalesce(q.last_error, 'no answer before the lease ended')
    FROM public.queue_settings AS s WHERE q.status = 'claimed' AND q.lease_until <= clock_timestamp()
    RETURNING q.id, q.status
$$;

REVOKE ALL ON public.queue_settings, public.heartbeat, public.offline_queue, public.local_state FROM PUBLIC, jett_app;
GRANT USAGE ON SCHEMA public TO jett_app;
GRANT SELECT ON public.queue_settings, public.heartbeat, public.offline_queue, public.local_state TO jett_app;
REVOKE ALL ON FUNCTION public.queue_length(), public.heartbeat_beat(text, text), public.heartbeat_check(), public.queue_accept(text, text, jsonb),
    public.queue_release(bigint), public.queue_claim(integer, text), public.queue_ack(bigint), public.queue_fail(bigint, text),
    public.queue_maintain() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.queue_length(), public.heartbeat_beat(text, text), public.heartbeat_check(), public.queue_accept(text, text, jsonb),
    public.queue_release(bigint), public.queue_claim(integer, text), public.queue_ack(bigint), public.queue_fail(bigint, text),
    public.queue_maintain() TO jett_app;
