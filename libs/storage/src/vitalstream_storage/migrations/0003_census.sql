-- What pages show, counted in the transaction that changes what is counted, by statement triggers,
-- so that it is right for any writer and read without looking at the tables that grow.
--
-- Every counter is sharded by vitalstream.shard, which a writer sets to the lowest partition of its
-- batch: writers of different partitions never meet on a counter. All other writers share shard -1.

-- The newest admission of each patient, by (timestamp, admission_id); its row has newest = true.
CREATE TABLE newest_admissions (
    patient_id   varchar(50) COLLATE "C" PRIMARY KEY,
    admission_id varchar(50) COLLATE "C" NOT NULL
);

CREATE VIEW patients AS
    SELECT r.* FROM newest_admissions n JOIN patient_records r USING (admission_id);

COMMENT ON VIEW patients IS 'One row per patient: the state of its newest admission.';

-- What ends a stay. Any other status is a current patient's.
CREATE FUNCTION stay_is_over(status text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT status IN ('Discharged', 'Deceased') $$;

-- admissions and the sums of vital signs count all rows of patient_records; patients, age,
-- critical_oxygen (SpO2 below 90) and discharged (whose stay is over) only each patient's newest
-- admission.
CREATE TABLE census (
    shard             integer NOT NULL,
    dimension         text NOT NULL
        CHECK (dimension IN ('all', 'department', 'primary_diagnosis', 'admission_type')),
    key               text COLLATE "C" NOT NULL,
    risk_level        text COLLATE "C" NOT NULL,
    admissions        bigint NOT NULL,
    heart_rate        bigint NOT NULL,
    temperature       numeric NOT NULL,
    oxygen_saturation bigint NOT NULL,
    respiratory_rate  bigint NOT NULL,
    patients          bigint NOT NULL,
    age               bigint NOT NULL,
    critical_oxygen   bigint NOT NULL,
    discharged        bigint NOT NULL,
    PRIMARY KEY (dimension, key, risk_level, shard)
) WITH (fillfactor = 50);

COMMENT ON TABLE census IS 'Counters and sums over patient_records; add the shards up.';

-- hour: its start. high_risk: a score of 4 or more.
CREATE TABLE hourly_vitals (
    shard             integer NOT NULL,
    department        text COLLATE "C" NOT NULL,
    hour              timestamptz NOT NULL,
    observations      bigint NOT NULL,
    heart_rate        bigint NOT NULL,
    systolic          bigint NOT NULL,
    diastolic         bigint NOT NULL,
    temperature       numeric NOT NULL,
    oxygen_saturation bigint NOT NULL,
    respiratory_rate  bigint NOT NULL,
    risk_score        bigint NOT NULL,
    high_risk         bigint NOT NULL,
    critical_oxygen   bigint NOT NULL,
    PRIMARY KEY (department, hour, shard)
) WITH (fillfactor = 50);

COMMENT ON TABLE hourly_vitals IS 'Sums over observations by department and hour; add the shards up.';

-- The newest rows of patient_records by risk, so that no index has to follow every change of
-- timestamp there (which would make each update of a row a change of all its indexes). One row per
-- statement, newest entry first. An entry counts only while patient_records still says the same.
CREATE TABLE recent_records (
    shard         integer NOT NULL,
    risk_level    text COLLATE "C" NOT NULL,
    newest        timestamp NOT NULL,
    timestamps    timestamp[] NOT NULL,
    admission_ids varchar[] COLLATE "C" NOT NULL
);

-- Read soon or never: not worth compressing.
ALTER TABLE recent_records ALTER COLUMN timestamps SET STORAGE EXTERNAL,
                           ALTER COLUMN admission_ids SET STORAGE EXTERNAL;

CREATE INDEX recent_records_newest ON recent_records (shard, risk_level, newest);

-- recent_records misses no row written in this shard that is newer than complete_after (null: none).
CREATE TABLE recent_bounds (
    shard          integer NOT NULL,
    risk_level     text COLLATE "C" NOT NULL,
    complete_after timestamp,
    entries        integer NOT NULL,
    PRIMARY KEY (shard, risk_level)
) WITH (fillfactor = 50);

CREATE TABLE dead_letter_counts (
    shard     integer NOT NULL,
    reason    text COLLATE "C" NOT NULL,
    waiting   bigint NOT NULL,
    replayed  bigint NOT NULL,
    last_seen timestamptz,
    PRIMARY KEY (reason, shard)
) WITH (fillfactor = 50);

COMMENT ON TABLE dead_letter_counts IS 'Dead letters by reason; add the shards up.';

CREATE FUNCTION current_shard() RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(nullif(current_setting('vitalstream.shard', true), ''), '-1')::integer
$$;

-- Counts changed rows, +1 or -1 each: first by all four keys at once, then, over those few groups,
-- by each of them. One function for each kind of change, since each sees other row sets; an update
-- counts both of its in one go.
DO $migration$
DECLARE
    change text;
    changed text;
BEGIN
    FOR change, changed IN VALUES
        ('inserted', 'SELECT 1 AS sign, * FROM after_it'),
        ('updated', 'SELECT 1 AS sign, * FROM after_it UNION ALL SELECT -1, * FROM before_it'),
        ('deleted', 'SELECT -1 AS sign, * FROM before_it')
    LOOP
        EXECUTE format($definition$
CREATE FUNCTION count_%1$s_records() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO census AS c
    SELECT current_shard(),
           CASE grouping(department, primary_diagnosis, admission_type)
               WHEN 3 THEN 'department' WHEN 5 THEN 'primary_diagnosis'
               WHEN 6 THEN 'admission_type' ELSE 'all' END,
           coalesce(department, primary_diagnosis, admission_type, ''), risk_level,
           sum(sign * admissions), sum(sign * heart_rate), sum(sign * temperature),
           sum(sign * oxygen_saturation), sum(sign * respiratory_rate),
           sum(sign * patients), sum(sign * age), sum(sign * critical_oxygen),
           sum(sign * discharged)
      FROM (SELECT sign, department, primary_diagnosis, admission_type, risk_level,
                   count(*) AS admissions, sum(heart_rate) AS heart_rate,
                   sum(temperature_celsius) AS temperature,
                   sum(oxygen_saturation) AS oxygen_saturation,
                   sum(respiratory_rate) AS respiratory_rate,
                   count(*) FILTER (WHERE newest) AS patients,
                   coalesce(sum(age) FILTER (WHERE newest), 0) AS age,
                   count(*) FILTER (WHERE newest AND oxygen_saturation < 90) AS critical_oxygen,
                   count(*) FILTER (WHERE newest AND stay_is_over(status)) AS discharged
              FROM (%2$s) AS changed
             GROUP BY sign, department, primary_diagnosis, admission_type, risk_level) AS groups
     GROUP BY GROUPING SETS ((department, risk_level), (primary_diagnosis, risk_level),
                             (admission_type, risk_level), (risk_level))
     ORDER BY 2, 3, 4
    ON CONFLICT (dimension, key, risk_level, shard) DO UPDATE
       SET admissions = c.admissions + excluded.admissions,
           heart_rate = c.heart_rate + excluded.heart_rate,
           temperature = c.temperature + excluded.temperature,
           oxygen_saturation = c.oxygen_saturation + excluded.oxygen_saturation,
           respiratory_rate = c.respiratory_rate + excluded.respiratory_rate,
           patients = c.patients + excluded.patients,
           age = c.age + excluded.age,
           critical_oxygen = c.critical_oxygen + excluded.critical_oxygen,
           discharged = c.discharged + excluded.discharged;
    RETURN NULL;
END
$$
$definition$, change, changed);
    END LOOP;
END
$migration$;

CREATE FUNCTION count_observations() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    sign integer := TG_ARGV[0];
BEGIN
    INSERT INTO hourly_vitals AS h
    SELECT current_shard(), department, date_trunc('hour', observed_at, 'UTC'),
           sign * count(*), sign * sum(heart_rate), sign * sum(systolic), sign * sum(diastolic),
           sign * sum(temperature_celsius), sign * sum(oxygen_saturation),
           sign * sum(respiratory_rate), sign * sum(risk_score),
           sign * count(*) FILTER (WHERE risk_score >= 4),
           sign * count(*) FILTER (WHERE oxygen_saturation < 90)
      FROM changed GROUP BY 2, 3 ORDER BY 2, 3
    ON CONFLICT (department, hour, shard) DO UPDATE
       SET observations = h.observations + excluded.observations,
           heart_rate = h.heart_rate + excluded.heart_rate,
           systolic = h.systolic + excluded.systolic,
           diastolic = h.diastolic + excluded.diastolic,
           temperature = h.temperature + excluded.temperature,
           oxygen_saturation = h.oxygen_saturation + excluded.oxygen_saturation,
           respiratory_rate = h.respiratory_rate + excluded.respiratory_rate,
           risk_score = h.risk_score + excluded.risk_score,
           high_risk = h.high_risk + excluded.high_risk,
           critical_oxygen = h.critical_oxygen + excluded.critical_oxygen;
    RETURN NULL;
END
$$;

CREATE FUNCTION count_dead_letters() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    sign integer := TG_ARGV[0];
BEGIN
    INSERT INTO dead_letter_counts AS c
    SELECT current_shard(), reason, sign * count(*) FILTER (WHERE replayed_at IS NULL),
           sign * count(replayed_at), max(first_seen)
      FROM changed GROUP BY 2 ORDER BY 2
    ON CONFLICT (reason, shard) DO UPDATE
       SET waiting = c.waiting + excluded.waiting,
           replayed = c.replayed + excluded.replayed,
           last_seen = greatest(c.last_seen, excluded.last_seen);
    RETURN NULL;
END
$$;

-- Decides anew which admission of these patients is the newest. The lock on the pointer makes
-- writers that meet on a patient take turns; the locks on its rows wait for what is in flight.
CREATE FUNCTION settle_patients(ids varchar[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO newest_admissions
    SELECT DISTINCT id, '' FROM unnest(ids) AS id ORDER BY id ON CONFLICT DO NOTHING;
    PERFORM FROM unnest(ids) AS id JOIN newest_admissions n ON n.patient_id = id
      ORDER BY id FOR UPDATE OF n;
    PERFORM FROM unnest(ids) AS id JOIN patient_records r ON r.patient_id = id
      ORDER BY r.admission_id FOR UPDATE OF r;
    WITH best AS (
        SELECT DISTINCT ON (id) id, r.admission_id
          FROM unnest(ids) AS id LEFT JOIN patient_records r ON r.patient_id = id
         ORDER BY id, r.timestamp DESC NULLS LAST, r.admission_id DESC),
    gone AS (
        DELETE FROM newest_admissions n USING best
         WHERE n.patient_id = best.id AND best.admission_id IS NULL)
    UPDATE newest_admissions n SET admission_id = best.admission_id
      FROM best WHERE n.patient_id = best.id AND n.admission_id <> best.admission_id;
    PERFORM set_config('vitalstream.settling', 'on', true);
    UPDATE patient_records r SET newest = (r.admission_id = n.admission_id)
      FROM unnest(ids) AS id JOIN newest_admissions n ON n.patient_id = id
     WHERE r.patient_id = id AND r.newest <> (r.admission_id = n.admission_id);
    PERFORM set_config('vitalstream.settling', '', true);
END
$$;

-- Nearly all inserted admissions are their patient's first, nearly all updated ones its newest:
-- those cost nothing here but the pointer of a new patient.
CREATE FUNCTION place_inserted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    placed bigint;
    doubtful varchar[];
BEGIN
    INSERT INTO newest_admissions
    SELECT patient_id, admission_id FROM changed WHERE newest ON CONFLICT (patient_id) DO NOTHING;
    GET DIAGNOSTICS placed = ROW_COUNT;
    IF placed < (SELECT count(*) FROM changed) THEN
        SELECT array_agg(DISTINCT c.patient_id) INTO doubtful
          FROM changed c LEFT JOIN newest_admissions n USING (patient_id)
         WHERE NOT c.newest OR n.admission_id IS DISTINCT FROM c.admission_id;
        PERFORM settle_patients(doubtful);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION place_updated() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    doubtful varchar[];
BEGIN
    IF current_setting('vitalstream.settling', true) = 'on' THEN
        RETURN NULL;
    END IF;
    SELECT array_agg(DISTINCT patient_id) INTO doubtful FROM changed WHERE NOT newest;
    IF doubtful IS NOT NULL THEN
        PERFORM settle_patients(doubtful);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION place_deleted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    doubtful varchar[];
BEGIN
    SELECT array_agg(DISTINCT patient_id) INTO doubtful FROM changed WHERE newest;
    IF doubtful IS NOT NULL THEN
        PERFORM settle_patients(doubtful);
    END IF;
    RETURN NULL;
END
$$;

-- What our own writer never does: an admission that moves to another patient or back in time.
CREATE FUNCTION place_moved() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF current_setting('vitalstream.settling', true) IS DISTINCT FROM 'on' THEN
        PERFORM settle_patients(ARRAY[OLD.patient_id, NEW.patient_id]);
    END IF;
    RETURN NULL;
END
$$;

-- Of each risk, at most the newest 1000 of a statement go in; with more, all before them go out.
CREATE FUNCTION note_recent_records() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    level text;
    bound timestamp;
    had integer;
    stamps timestamp[];
    ids varchar[];
BEGIN
    IF current_setting('vitalstream.settling', true) = 'on' THEN
        RETURN NULL;
    END IF;
    FOR level IN SELECT DISTINCT risk_level FROM changed LOOP
        SELECT complete_after, entries INTO bound, had FROM recent_bounds
         WHERE shard = current_shard() AND risk_level = level FOR UPDATE;
        SELECT array_agg(timestamp), array_agg(admission_id) INTO stamps, ids
          FROM (SELECT timestamp, admission_id FROM changed
                 WHERE risk_level = level AND timestamp > coalesce(bound, '-infinity')
                 ORDER BY timestamp DESC LIMIT 1001) AS top;
        CONTINUE WHEN stamps IS NULL;
        IF cardinality(stamps) > 1000 THEN
            bound := stamps[1001];
            DELETE FROM recent_records
             WHERE shard = current_shard() AND risk_level = level AND newest <= bound;
            had := 0;
        END IF;
        INSERT INTO recent_records
        VALUES (current_shard(), level, stamps[1], stamps[:1000], ids[:1000]);
        had := coalesce(had, 0) + least(cardinality(stamps), 1000);
        INSERT INTO recent_bounds VALUES (current_shard(), level, bound, had)
        ON CONFLICT (shard, risk_level) DO UPDATE
           SET complete_after = excluded.complete_after, entries = excluded.entries;
        IF had > 4000 THEN
            PERFORM compact_recent_records(level);
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;

-- Leaves of a shard's entries those that still count, the newest 2000 of them at most.
CREATE FUNCTION compact_recent_records(level text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    stamps timestamp[];
    ids varchar[];
BEGIN
    SELECT array_agg(timestamp), array_agg(admission_id) INTO stamps, ids
      FROM (SELECT DISTINCT r.timestamp, r.admission_id
              FROM recent_records e, unnest(e.timestamps, e.admission_ids) AS entry (stamp, id)
              JOIN patient_records r ON r.admission_id = entry.id
             WHERE e.shard = current_shard() AND e.risk_level = level
               AND r.timestamp = entry.stamp AND r.risk_level = level
             ORDER BY r.timestamp DESC LIMIT 2001) AS top;
    DELETE FROM recent_records WHERE shard = current_shard() AND risk_level = level;
    IF stamps IS NOT NULL THEN
        INSERT INTO recent_records
        VALUES (current_shard(), level, stamps[1], stamps[:2000], ids[:2000]);
    END IF;
    UPDATE recent_bounds
       SET complete_after = greatest(complete_after, stamps[2001]),
           entries = least(coalesce(cardinality(stamps), 0), 2000)
     WHERE shard = current_shard() AND risk_level = level;
END
$$;

CREATE FUNCTION forget_records() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    TRUNCATE census, newest_admissions, recent_records, recent_bounds;
    RETURN NULL;
END
$$;

CREATE TRIGGER count_inserted AFTER INSERT ON patient_records
    REFERENCING NEW TABLE AS after_it
    FOR EACH STATEMENT EXECUTE FUNCTION count_inserted_records();
CREATE TRIGGER count_updated AFTER UPDATE ON patient_records
    REFERENCING OLD TABLE AS before_it NEW TABLE AS after_it
    FOR EACH STATEMENT EXECUTE FUNCTION count_updated_records();
CREATE TRIGGER count_deleted AFTER DELETE ON patient_records
    REFERENCING OLD TABLE AS before_it
    FOR EACH STATEMENT EXECUTE FUNCTION count_deleted_records();

CREATE TRIGGER note_inserted AFTER INSERT ON patient_records
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_recent_records();
CREATE TRIGGER note_updated AFTER UPDATE ON patient_records
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_recent_records();

CREATE TRIGGER place_inserted AFTER INSERT ON patient_records
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION place_inserted();
CREATE TRIGGER place_updated AFTER UPDATE ON patient_records
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION place_updated();
CREATE TRIGGER place_deleted AFTER DELETE ON patient_records
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION place_deleted();
-- Two triggers, since one that also looked at the last columns would take each row apart.
CREATE TRIGGER place_moved AFTER UPDATE OF patient_id, admission_id, newest
    ON patient_records FOR EACH ROW
    WHEN (OLD.patient_id <> NEW.patient_id OR OLD.admission_id <> NEW.admission_id
          OR OLD.newest <> NEW.newest)
    EXECUTE FUNCTION place_moved();
CREATE TRIGGER place_moved_back AFTER UPDATE OF timestamp ON patient_records FOR EACH ROW
    WHEN (NEW.timestamp < OLD.timestamp) EXECUTE FUNCTION place_moved();
CREATE TRIGGER forget_truncated AFTER TRUNCATE ON patient_records
    FOR EACH STATEMENT EXECUTE FUNCTION forget_records();

CREATE TRIGGER count_inserted AFTER INSERT ON observations
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_observations('1');
CREATE TRIGGER count_deleted AFTER DELETE ON observations
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_observations('-1');

CREATE TRIGGER count_inserted AFTER INSERT ON dead_letters
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_dead_letters('1');
CREATE TRIGGER count_updated_from AFTER UPDATE ON dead_letters
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_dead_letters('-1');
CREATE TRIGGER count_updated_to AFTER UPDATE ON dead_letters
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_dead_letters('1');
CREATE TRIGGER count_deleted AFTER DELETE ON dead_letters
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_dead_letters('-1');

-- They run with the owner's rights, so that whoever may write a record need not be able to write a
-- counter; hence a fixed search path, and nobody else may call them.
DO $$
DECLARE
    each regprocedure;
BEGIN
    FOR each IN SELECT oid FROM pg_proc
                 WHERE pronamespace = current_schema::regnamespace AND prosecdef
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', each, current_schema);
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', each);
    END LOOP;
END
$$;

GRANT SELECT ON patients, census, hourly_vitals, recent_records, recent_bounds, dead_letter_counts
    TO vitalstream_viewer, vitalstream_operator;
