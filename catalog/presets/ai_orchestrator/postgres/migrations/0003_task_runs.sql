-- One row for each task that was sent to the executor, and an audit row at its start and at its end. A task's content is not kept: its digest is.

CREATE TABLE public.task_runs (
    id           uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id    text        NOT NULL CHECK (length(tenant_id) BETWEEN 1 AND 128),
    type         text        NOT NULL CHECK (length(type) <= 128),
    task_sha256  text        NOT NULL,
    status       text        NOT NULL DEFAULT 'dispatched' CHECK (status IN ('dispatched', 'ok', 'refused', 'failed', 'timeout')),
    code         text,
    duration_ms  bigint,
    requested_at timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz,
    CHECK ((status = 'dispatched') = (finished_at IS NULL))
);
CREATE INDEX task_runs_tenant ON public.task_runs (tenant_id, requested_at);

-- Records that a task is about to run. request is the text of the file that the executor reads (FP-09).
CREATE FUNCTION public.executor_begin(tenant text, task jsonb) RETURNS TABLE (id uuid, request text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    run public.task_runs;
BEGIN
    INSERT INTO public.task_runs (tenant_id, type, task_sha256)
    VALUES (tenant, left(coalesce(task ->> 'type', ''), 128), encode(sha256(convert_to(task::text, 'UTF8')), 'hex'))
    RETURNING * INTO run;
    PERFORM public.audit_append(tenant, 'ai-n8n', 'executor.begin', run.id::text,
                                jsonb_build_object('type', run.type, 'task_sha256', run.task_sha256));
    RETURN QUERY SELECT run.id, jsonb_build_object('id', run.id, 'task', task)::text;
END
$$;

-- Records how it ended and says what to answer. answer is the executor's, or null when none came in time.
CREATE FUNCTION public.executor_end(run_id uuid, answer jsonb) RETURNS TABLE (http_status integer, body jsonb)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    run     public.task_runs;
    outcome text := CASE WHEN answer IS NULL THEN 'no_answer' WHEN answer ->> 'ok' = 'true' THEN 'ok'
                         ELSE coalesce(answer #>> '{error,code}', 'internal') END;
    said    jsonb := coalesce(answer - 'id' - 'exit_code', '{"ok": false, "error": {"code": "timeout", "message": "no result in 35 s"}}');
BEGIN
    UPDATE public.task_runs
    SET status = CASE outcome WHEN 'ok' THEN 'ok' WHEN 'no_answer' THEN 'timeout' WHEN 'timeout' THEN 'timeout'
                              WHEN 'internal' THEN 'failed' ELSE 'refused' END,
        code = left(outcome, 64), finished_at = now(),
        duration_ms = CASE WHEN jsonb_typeof(answer -> 'duration_ms') = 'number' THEN (answer ->> 'duration_ms')::numeric::bigint END
    WHERE id = run_id AND status = 'dispatched'
    RETURNING * INTO run;
    IF run.id IS NULL THEN
        RAISE EXCEPTION 'executor: run % is unknown or has ended already', run_id USING ERRCODE = 'no_data_found';
    END IF;
    PERFORM public.audit_append(run.tenant_id, 'ai-executor', 'executor.' || run.status, run.id::text,
        jsonb_build_object('type', run.type, 'code', run.code, 'duration_ms', run.duration_ms,
                           'answer_sha256', encode(sha256(convert_to(said::text, 'UTF8')), 'hex')));
    RETURN QUERY SELECT CASE outcome WHEN 'ok' THEN 200 WHEN 'not_allowed' THEN 403 WHEN 'too_large' THEN 413 WHEN 'timeout' THEN 504
                                     WHEN 'no_answer' THEN 504 WHEN 'internal' THEN 500 ELSE 400 END, said;
END
$$;

ALTER TABLE public.task_runs ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON public.task_runs FOR SELECT USING (tenant_id = current_setting('homeport.tenant', true));
REVOKE ALL ON public.task_runs FROM PUBLIC, ai_user;
GRANT SELECT ON public.task_runs TO ai_user;
REVOKE ALL ON FUNCTION public.executor_begin(text, jsonb), public.executor_end(uuid, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.executor_begin(text, jsonb), public.executor_end(uuid, jsonb) TO ai_user;
