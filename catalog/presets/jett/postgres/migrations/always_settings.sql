-- The settings' figures, written at every deployment. psql variables: beat_seconds, missed_beats, queue_attempts, handler, local_address, notify.
UPDATE public.queue_settings
SET beat_seconds = :beat_seconds, missed_beats = :missed_beats, attempts = :queue_attempts,
    handler = coalesce(nullif(:'handler', ''), 'http://' || :'local_address' || ':8377/requests'),
    notify = :'notify';
