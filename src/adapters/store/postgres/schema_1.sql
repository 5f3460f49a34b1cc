-- The state of restore-watch, which replicas share. Times are in milliseconds since 1970. A body or a record is text, and
-- is kept as it was written: a signature is over its bytes.

CREATE TABLE restore_watch.schema_version (
    version integer NOT NULL
);
INSERT INTO restore_watch.schema_version VALUES (1);

-- One row for each state, with its lease. `token` is a random text of the process that took the lease: a server that loses
-- commits in a failover can give one epoch to two. `beat` changes with each renewal, and `batch` with each commit;
-- `lease_ms` and `configuration` are those of the holder. `moved` is a digest of the state that was moved here, if it began
-- as such.
CREATE TABLE restore_watch.clusters (
    name text PRIMARY KEY,
    epoch bigint NOT NULL DEFAULT 0,
    token text,
    holder text,
    held_since bigint,
    lease_ms bigint,
    configuration text,
    beat bigint NOT NULL DEFAULT 0,
    batch bigint NOT NULL DEFAULT 0,
    moved text
);

-- The processes that take part, the active one as well. A row is of a process, and goes with it. `beat` changes as long as
-- the process is there; `configuration` identifies its configuration.
CREATE TABLE restore_watch.replicas (
    cluster text NOT NULL,
    process text NOT NULL,
    name text NOT NULL,
    version text NOT NULL,
    configuration text NOT NULL,
    beat bigint NOT NULL,
    PRIMARY KEY (cluster, process)
);

-- Requests that a standby replica hands over to the active one. `claimed_by` is the epoch whose holder works on it; its answer
-- is committed together with what it changed.
CREATE TABLE restore_watch.requests (
    cluster text NOT NULL,
    id text NOT NULL,
    request text NOT NULL,
    asked_at bigint NOT NULL,
    claimed_by bigint,
    answer text,
    PRIMARY KEY (cluster, id)
);
CREATE INDEX requests_open ON restore_watch.requests (cluster) WHERE answer IS NULL;

CREATE TABLE restore_watch.projects (
    cluster text NOT NULL,
    name text NOT NULL,
    record text NOT NULL,
    PRIMARY KEY (cluster, name)
);

-- `status` and `ended_at` are part of `record`, too, and stand here for people.
CREATE TABLE restore_watch.jobs (
    cluster text NOT NULL,
    project text NOT NULL,
    id text NOT NULL,
    status text,
    ended_at bigint,
    written_at bigint NOT NULL,
    record text NOT NULL,
    PRIMARY KEY (cluster, project, id)
);

CREATE TABLE restore_watch.sinks (
    cluster text NOT NULL,
    name text NOT NULL,
    record text NOT NULL,
    PRIMARY KEY (cluster, name)
);

CREATE TABLE restore_watch.silences (
    cluster text PRIMARY KEY,
    record text NOT NULL
);

-- In the order of `seq`. `body` is the event as JSON; `name` and `target_index_name` are parts of it.
CREATE TABLE restore_watch.events (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cluster text NOT NULL,
    id text NOT NULL,
    emitted_at bigint NOT NULL,
    kind text NOT NULL,
    project text NOT NULL,
    job text,
    name text,
    target_index_name text,
    body text NOT NULL,
    UNIQUE (cluster, id)
);
CREATE INDEX events_in_order ON restore_watch.events (cluster, seq);
CREATE INDEX events_by_time ON restore_watch.events (cluster, emitted_at);

-- `body` is what is sent if that is not the event itself; `edited` marks what others than the active replica changed.
CREATE TABLE restore_watch.deliveries (
    event bigint NOT NULL REFERENCES restore_watch.events (seq),
    sink text NOT NULL,
    cluster text NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'delivered', 'dead', 'dropped')),
    attempts bigint NOT NULL,
    due bigint,
    changed_at bigint NOT NULL,
    reason text,
    body bytea,
    edited boolean NOT NULL DEFAULT false,
    PRIMARY KEY (event, sink)
);
CREATE INDEX deliveries_open ON restore_watch.deliveries (cluster, state, event) WHERE state IN ('pending', 'dead');
CREATE INDEX deliveries_edited ON restore_watch.deliveries (cluster) WHERE edited;
CREATE INDEX deliveries_closed ON restore_watch.deliveries (cluster, changed_at) WHERE state IN ('delivered', 'dropped');

-- The restores that ended. `event` is the event that reported the end. `delivered` and `dropped` count those of its deliveries
-- that are no longer in `deliveries`. `body` is the restore as JSON, without its deliveries; `completed_at` and `created_at` are
-- parts of it.
CREATE TABLE restore_watch.restores (
    cluster text NOT NULL,
    project text NOT NULL,
    job text NOT NULL,
    outcome text NOT NULL,
    end_observed_at bigint NOT NULL,
    aged_from bigint NOT NULL,
    target_index_name text,
    created_at text,
    completed_at text,
    event bigint,
    delivered bigint NOT NULL DEFAULT 0,
    dropped bigint NOT NULL DEFAULT 0,
    body text NOT NULL,
    PRIMARY KEY (cluster, project, job)
);
CREATE INDEX restores_by_end ON restore_watch.restores (cluster, end_observed_at DESC, project, job);
CREATE INDEX restores_by_event ON restore_watch.restores (event);

-- How many restores ended, whether or not they are still in `restores`, and when the last one did.
CREATE TABLE restore_watch.totals (
    cluster text NOT NULL,
    project text NOT NULL,
    outcome text NOT NULL,
    ended bigint NOT NULL,
    last_ended_at bigint NOT NULL,
    PRIMARY KEY (cluster, project, outcome)
);

-- Commits batch `number` if the lease is still that of the caller; else it fails with RW001 (another replica has the lease),
-- RW002 (this batch is committed already) or RW003 (what was committed before it is missing). One call is one transaction: a
-- client that goes away holds nothing.
CREATE FUNCTION restore_watch.commit_1(of_cluster text, with_epoch bigint, with_token text, number bigint, document text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    batch jsonb := document::jsonb;
    part jsonb;
    place bigint;
    held record;
BEGIN
    UPDATE restore_watch.clusters SET batch = number
    WHERE name = of_cluster AND epoch = with_epoch AND token = with_token AND clusters.batch = number - 1;
    IF NOT FOUND THEN
        SELECT c.epoch, c.token, c.batch INTO held FROM restore_watch.clusters c WHERE c.name = of_cluster;
        IF NOT FOUND OR held.epoch <> with_epoch OR held.token IS DISTINCT FROM with_token THEN
            RAISE EXCEPTION 'another replica has the lease' USING ERRCODE = 'RW001';
        ELSIF held.batch = number THEN
            RAISE EXCEPTION 'batch % is committed already', number USING ERRCODE = 'RW002';
        ELSE
            RAISE EXCEPTION 'batch % follows batch %', number, held.batch USING ERRCODE = 'RW003';
        END IF;
    END IF;

    -- Of two records of one thing in a batch, the last one counts.
    INSERT INTO restore_watch.projects (cluster, name, record)
    SELECT DISTINCT ON (p.name) of_cluster, p.name, p.record
    FROM ROWS FROM (jsonb_to_recordset(batch -> 'projects') AS (name text, record text))
        WITH ORDINALITY AS p (name, record, place)
    ORDER BY p.name, p.place DESC
    ON CONFLICT (cluster, name) DO UPDATE SET record = excluded.record;
    INSERT INTO restore_watch.jobs (cluster, project, id, status, ended_at, written_at, record)
    SELECT DISTINCT ON (p.project, p.id) of_cluster, p.project, p.id, p.status, p.ended_at, p.written_at, p.record
    FROM ROWS FROM (jsonb_to_recordset(batch -> 'jobs')
            AS (project text, id text, status text, ended_at bigint, written_at bigint, record text))
        WITH ORDINALITY AS p (project, id, status, ended_at, written_at, record, place)
    ORDER BY p.project, p.id, p.place DESC
    ON CONFLICT (cluster, project, id) DO UPDATE SET status = excluded.status, ended_at = excluded.ended_at,
        written_at = excluded.written_at, record = excluded.record;
    INSERT INTO restore_watch.sinks (cluster, name, record)
    SELECT DISTINCT ON (p.name) of_cluster, p.name, p.record
    FROM ROWS FROM (jsonb_to_recordset(batch -> 'sinks') AS (name text, record text))
        WITH ORDINALITY AS p (name, record, place)
    ORDER BY p.name, p.place DESC
    ON CONFLICT (cluster, name) DO UPDATE SET record = excluded.record;

    -- `seq` follows the order of the batch.
    WITH emitted AS (
        INSERT INTO restore_watch.events (cluster, id, emitted_at, kind, project, job, name, target_index_name, body)
        SELECT of_cluster, p.id, p.emitted_at, p.kind, p.project, p.job, p.name, p.target_index_name, p.body
        FROM ROWS FROM (jsonb_to_recordset(batch -> 'events')
                AS (id text, emitted_at bigint, kind text, project text, job text, name text, target_index_name text, body text))
            WITH ORDINALITY AS p (id, emitted_at, kind, project, job, name, target_index_name, body, place)
        ORDER BY p.place
        RETURNING id, seq
    )
    INSERT INTO restore_watch.deliveries (event, sink, cluster, state, attempts, due, changed_at, body)
    SELECT e.seq, d.sink, of_cluster, 'pending', 0, p.emitted_at, p.emitted_at, decode(d.body, 'base64')
    FROM jsonb_to_recordset(batch -> 'events') AS p (id text, emitted_at bigint, deliveries jsonb)
    CROSS JOIN LATERAL jsonb_to_recordset(p.deliveries) AS d (sink text, body text)
    JOIN emitted e ON e.id = p.id;

    -- One that ended before is replaced, unless it is the same end.
    FOR part IN SELECT jsonb_array_elements(batch -> 'ends') LOOP
        SELECT seq INTO place FROM restore_watch.events WHERE cluster = of_cluster AND id = part ->> 'event';
        INSERT INTO restore_watch.restores AS r (cluster, project, job, outcome, end_observed_at, aged_from,
            target_index_name, created_at, completed_at, event, body)
        VALUES (of_cluster, part ->> 'project', part ->> 'job', part ->> 'outcome', (part ->> 'end_observed_at')::bigint,
            (part ->> 'aged_from')::bigint, part ->> 'target_index_name', part ->> 'created_at', part ->> 'completed_at',
            place, part ->> 'body')
        ON CONFLICT (cluster, project, job) DO UPDATE SET outcome = excluded.outcome,
            end_observed_at = excluded.end_observed_at, aged_from = excluded.aged_from,
            target_index_name = excluded.target_index_name, created_at = excluded.created_at,
            completed_at = excluded.completed_at, body = excluded.body, event = coalesce(excluded.event, r.event),
            delivered = CASE WHEN r.event IS NOT DISTINCT FROM coalesce(excluded.event, r.event) THEN r.delivered ELSE 0 END,
            dropped = CASE WHEN r.event IS NOT DISTINCT FROM coalesce(excluded.event, r.event) THEN r.dropped ELSE 0 END
        WHERE r.outcome <> excluded.outcome OR r.completed_at IS DISTINCT FROM excluded.completed_at
            OR (r.completed_at IS NULL AND r.created_at IS DISTINCT FROM excluded.created_at);
        -- An end without an event of its own is that of the last event that reported such an end.
        UPDATE restore_watch.restores r SET event = (
            SELECT max(e.seq) FROM restore_watch.events e
            WHERE e.cluster = of_cluster AND e.project = r.project AND e.job = r.job AND e.kind = part ->> 'reported_as')
        WHERE r.event IS NULL AND r.cluster = of_cluster AND r.project = part ->> 'project' AND r.job = part ->> 'job';
    END LOOP;
    FOR part IN SELECT jsonb_array_elements(batch -> 'reported_ends') LOOP
        INSERT INTO restore_watch.totals AS t VALUES (
            of_cluster, part ->> 'project', part ->> 'outcome', 1, (part ->> 'ended_at')::bigint)
        ON CONFLICT (cluster, project, outcome) DO UPDATE SET ended = t.ended + 1,
            last_ended_at = greatest(t.last_ended_at, excluded.last_ended_at);
    END LOOP;

    -- The state of a delivery changes only while it is pending; that it was delivered is true in any case.
    FOR part IN SELECT jsonb_array_elements(batch -> 'deliveries') LOOP
        UPDATE restore_watch.deliveries d SET state = part ->> 'state', attempts = (part ->> 'attempts')::bigint,
            due = (part ->> 'due')::bigint, changed_at = (part ->> 'at')::bigint,
            reason = CASE part ->> 'state' WHEN 'pending' THEN coalesce(part ->> 'reason', d.reason) ELSE part ->> 'reason' END
        FROM restore_watch.events e
        WHERE e.cluster = of_cluster AND e.id = part ->> 'id' AND d.event = e.seq AND d.sink = part ->> 'sink'
            AND (d.state = 'pending' OR part ->> 'state' = 'delivered');
    END LOOP;

    IF batch ? 'silences' THEN
        INSERT INTO restore_watch.silences VALUES (of_cluster, batch ->> 'silences')
        ON CONFLICT (cluster) DO UPDATE SET record = excluded.record;
    END IF;
    FOR part IN SELECT jsonb_array_elements(batch -> 'forgotten') LOOP
        DELETE FROM restore_watch.jobs WHERE cluster = of_cluster AND project = part ->> 0 AND id = part ->> 1;
    END LOOP;
    FOR part IN SELECT jsonb_array_elements(batch -> 'answers') LOOP
        UPDATE restore_watch.requests SET answer = part ->> 'answer'
        WHERE cluster = of_cluster AND id = part ->> 'id' AND claimed_by = with_epoch;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the claim of request % is missing', part ->> 'id' USING ERRCODE = 'RW003';
        END IF;
    END LOOP;

    -- What was delivered or dropped before this time is counted in the history from then on.
    IF batch ? 'deliveries_before' THEN
        WITH deleted AS (
            DELETE FROM restore_watch.deliveries
            WHERE cluster = of_cluster AND state IN ('delivered', 'dropped')
                AND changed_at < (batch ->> 'deliveries_before')::bigint
            RETURNING event, state
        ), counted AS (
            SELECT event, count(*) FILTER (WHERE state = 'delivered') AS delivered,
                count(*) FILTER (WHERE state = 'dropped') AS dropped
            FROM deleted GROUP BY event
        )
        UPDATE restore_watch.restores r SET delivered = r.delivered + c.delivered, dropped = r.dropped + c.dropped
        FROM counted c WHERE r.event = c.event;
        DELETE FROM restore_watch.events e
        WHERE e.cluster = of_cluster AND e.emitted_at < (batch ->> 'deliveries_before')::bigint
            AND NOT EXISTS (SELECT 1 FROM restore_watch.deliveries d WHERE d.event = e.seq);
    END IF;
    IF batch ? 'history_before' THEN
        DELETE FROM restore_watch.restores
        WHERE cluster = of_cluster AND aged_from < (batch ->> 'history_before')::bigint;
    END IF;
END
$$;
