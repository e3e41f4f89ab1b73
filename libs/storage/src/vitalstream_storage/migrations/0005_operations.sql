-- What operations need: counters that follow every change made by hand, dead letters that end, and
-- the erasure of one patient.

-- No writer of ours changes observations or empties a table; whoever does is counted as well.
CREATE TRIGGER count_updated_from AFTER UPDATE ON observations
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_observations('-1');
CREATE TRIGGER count_updated_to AFTER UPDATE ON observations
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_observations('1');

-- Hours before the retention floor stay, as they do for a recount.
CREATE FUNCTION forget_observations() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    DELETE FROM hourly_vitals
     WHERE hour >= coalesce((SELECT observed_from FROM retention), '-infinity');
    RETURN NULL;
END
$$;

CREATE FUNCTION forget_dead_letters() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    TRUNCATE dead_letter_counts;
    RETURN NULL;
END
$$;

CREATE TRIGGER forget_truncated AFTER TRUNCATE ON observations
    FOR EACH STATEMENT EXECUTE FUNCTION forget_observations();
CREATE TRIGGER forget_truncated AFTER TRUNCATE ON dead_letters
    FOR EACH STATEMENT EXECUTE FUNCTION forget_dead_letters();

-- Drops dead letters first seen before a moment; those that a replay holds wait for the next run.
CREATE FUNCTION drop_dead_letters(seen_before timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    gone bigint;
BEGIN
    DELETE FROM dead_letters d
     USING (SELECT topic_id, partition, "offset" FROM dead_letters
             WHERE first_seen < seen_before FOR UPDATE SKIP LOCKED) AS old
     WHERE (d.topic_id, d.partition, d."offset") = (old.topic_id, old.partition, old."offset");
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END
$$;

-- What was erased, without what it was. A record of the patient observed before observed_until is
-- stale from then on: Kafka still has it, and so may a backup. The hash is keyed, since patients'
-- ids are few enough to try them all; whoever has the owner's rights can tell whether a given
-- patient was erased, nobody else can.
CREATE TABLE erasures (
    erasure        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    patient_hash   bytea NOT NULL,
    observed_until timestamptz NOT NULL,
    erased_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    erased_by      text NOT NULL,
    admissions     bigint NOT NULL,
    observations   bigint NOT NULL,
    dead_letters   bigint NOT NULL
);

CREATE INDEX erasures_patient ON erasures (patient_hash);

COMMENT ON TABLE erasures IS 'Each erasure of a patient: when, by whom, how many rows of what.';

CREATE TABLE erasure_key (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    key      bytea NOT NULL DEFAULT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
);

INSERT INTO erasure_key DEFAULT VALUES;

-- Places whose dead letter was erased: read again, they keep their verdict and no letter is made.
CREATE TABLE erased_letters (
    topic_id  uuid NOT NULL,
    partition integer NOT NULL,
    "offset"  bigint NOT NULL,
    PRIMARY KEY (topic_id, partition, "offset")
);

-- The latest observed_until of all: a batch that is newer throughout asks no further.
ALTER TABLE retention ADD COLUMN erased_until timestamptz;

CREATE FUNCTION patient_hash(patient varchar) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT sha256(key || convert_to(patient, 'UTF8')) FROM erasure_key
$$;

-- Of these patients those that were erased, and before which moment their records are stale.
CREATE FUNCTION erased_patients(patients varchar[])
RETURNS TABLE (patient_id varchar, observed_until timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    WITH asked AS MATERIALIZED (
        SELECT patient, sha256(key || convert_to(patient, 'UTF8')) AS hash
          FROM erasure_key, unnest(patients) AS patient)
    SELECT patient, max(e.observed_until)
      FROM asked JOIN erasures e ON e.patient_hash = asked.hash GROUP BY patient
$$;

-- Erases a patient's rows of these admissions and of those that patient_records has, and these dead
-- letters, and notes it. Waits for the writers that do not know of it yet; they wait meanwhile.
-- Set a lock_timeout.
CREATE FUNCTION erase_patient(
    patient varchar, admission_ids varchar[],
    topic_ids uuid[], partitions integer[], offsets bigint[],
    OUT admissions bigint, OUT observations bigint, OUT dead_letters bigint)
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    ids varchar[];
    latest timestamptz;
    newest timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('vitalstream.retention'));
    LOCK TABLE ONLY observations, patient_records, dead_letters IN ROW EXCLUSIVE MODE; -- as recount
    WITH gone AS (
        DELETE FROM patient_records r WHERE r.patient_id = patient
        RETURNING r.admission_id, r.timestamp)
    SELECT array_agg(g.admission_id), count(*), max(g.timestamp) AT TIME ZONE 'UTC'
      INTO ids, admissions, latest FROM gone g;
    ids := ids || admission_ids;
    WITH gone AS (
        DELETE FROM observations o WHERE o.admission_id = ANY(ids) AND o.patient_id = patient
        RETURNING o.observed_at)
    SELECT count(*), max(g.observed_at) INTO observations, newest FROM gone g;
    WITH gone AS (
        DELETE FROM dead_letters d USING unnest(topic_ids, partitions, offsets) AS p (t, p, o)
         WHERE (d.topic_id, d.partition, d."offset") = (p.t, p.p, p.o)
        RETURNING d.topic_id, d.partition, d."offset")
    INSERT INTO erased_letters SELECT * FROM gone ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS dead_letters = ROW_COUNT;

    DELETE FROM recent_records r WHERE r.admission_ids <@ ids;
    UPDATE recent_records r SET (timestamps, admission_ids, newest) = (
           SELECT array_agg(e.stamp ORDER BY e.n), array_agg(e.id ORDER BY e.n), max(e.stamp)
             FROM unnest(r.timestamps, r.admission_ids) WITH ORDINALITY AS e (stamp, id, n)
            WHERE e.id <> ALL(ids))
     WHERE r.admission_ids && ids;

    latest := greatest(latest, newest) + interval '1 microsecond';
    INSERT INTO erasures (patient_hash, observed_until, erased_by, admissions, observations,
                          dead_letters)
    SELECT patient_hash(patient), greatest(latest, clock_timestamp()), session_user,
           erase_patient.admissions, erase_patient.observations, erase_patient.dead_letters
    RETURNING observed_until INTO latest;
    UPDATE retention SET erased_until = greatest(erased_until, latest);
END
$$;

GRANT SELECT ON erased_letters TO vitalstream_writer;
GRANT SELECT ON erasures TO vitalstream_operator;

DO $$
DECLARE
    each record;
BEGIN
    FOR each IN SELECT * FROM (VALUES
        ('forget_observations()', NULL), ('forget_dead_letters()', NULL),
        ('patient_hash(varchar)', NULL),
        ('erased_patients(varchar[])', 'vitalstream_writer'),
        ('drop_dead_letters(timestamptz)', 'vitalstream_operator'),
        ('erase_patient(varchar, varchar[], uuid[], integer[], bigint[])',
         'vitalstream_operator')) AS of (function, role)
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp',
                       each.function, current_schema);
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', each.function);
        IF each.role IS NOT NULL THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', each.function, each.role);
        END IF;
    END LOOP;
END
$$;
