-- Whoever wants to know that the local machine went or came back is told (FP-07): `notify` gets a POST from n8n, until it takes it.
-- `told` is the state that was told last, or that nobody wanted to know; null before the first look.

ALTER TABLE public.queue_settings ADD COLUMN notify text NOT NULL DEFAULT '', ADD COLUMN told boolean;

-- Who has missed too many beats is offline from now on; then what is to be told, and where: url is empty where nothing is.
CREATE FUNCTION public.heartbeat_news() RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    known public.queue_settings;
    state public.local_state;
BEGIN
    PERFORM public.heartbeat_check();
    SELECT * INTO STRICT known FROM public.queue_settings;
    SELECT * INTO STRICT state FROM public.local_state;
    IF known.told = state.online THEN
        RETURN jsonb_build_object('url', '');
    ELSIF known.told IS NULL OR known.notify = '' THEN
        UPDATE public.queue_settings SET told = state.online;
        RETURN jsonb_build_object('url', '');
    END IF;
    RETURN jsonb_build_object('url', known.notify, 'online', state.online, 'last_seen', state.last_seen, 'queued', public.queue_length());
END
$$;

CREATE FUNCTION public.heartbeat_told(state boolean) RETURNS boolean
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$ UPDATE public.queue_settings SET told = state RETURNING told $$;

REVOKE ALL ON FUNCTION public.heartbeat_news(), public.heartbeat_told(boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.heartbeat_news(), public.heartbeat_told(boolean) TO jett_app;
