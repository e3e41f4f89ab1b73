-- What maintain and recount do, with the owner's rights, so that their login need not have them.

-- Makes the partition of one day (UTC) and moves into it what the default partition has of it.
-- False where it is there already. Writers wait meanwhile: a row that is on its way into the default
-- partition when the day appears would be refused. Set a lock_timeout.
CREATE FUNCTION create_observation_day(day date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    name text := 'observations_' || to_char(day, 'YYYYMMDD');
    first timestamptz := day::timestamp AT TIME ZONE 'UTC';
    next timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
BEGIN
    IF to_regclass(name) IS NOT NULL THEN
        RETURN false;
    END IF;
    LOCK TABLE ONLY observations IN SHARE ROW EXCLUSIVE MODE;
    LOCK TABLE observations_default IN ACCESS EXCLUSIVE MODE;
    IF to_regclass(name) IS NOT NULL THEN
        RETURN false; -- another run has made it meanwhile
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE observations INCLUDING ALL)', name);
    EXECUTE format(
        'WITH moved AS (DELETE FROM observations_default'
        ' WHERE observed_at >= $1 AND observed_at < $2 RETURNING *)'
        ' INSERT INTO %I SELECT * FROM moved', name) USING first, next;
    EXECUTE format(
        'ALTER TABLE observations ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        name, first, next);
    RETURN true;
END
$$;

-- The days that have a partition of their own.
CREATE FUNCTION observation_days() RETURNS SETOF date
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT to_date(right(c.relname, 8), 'YYYYMMDD')
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'observations'::regclass AND c.relname ~ '^observations_[0-9]{8}$'
     ORDER BY 1
$$;

-- From now on older records are stale. Waits for the writers that have read the old floor; a floor
-- never goes back, since what lay below it is gone.
CREATE FUNCTION raise_retention_floor(first_kept date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('vitalstream.retention'));
    UPDATE retention
       SET observed_from = greatest(observed_from, first_kept::timestamp AT TIME ZONE 'UTC');
END
$$;

-- Drops a day below the retention floor, and nothing else.
CREATE FUNCTION drop_observation_day(day date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF (day + 1)::timestamp AT TIME ZONE 'UTC'
       > coalesce((SELECT observed_from FROM retention), '-infinity') THEN
        RAISE EXCEPTION '% is not below the retention floor', day USING ERRCODE = '55000';
    END IF;
    EXECUTE format('DROP TABLE IF EXISTS %I', 'observations_' || to_char(day, 'YYYYMMDD'));
END
$$;

-- Rows below the retention floor that are in no day's partition; the counters keep them.
CREATE FUNCTION drop_stale_observations() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    gone bigint;
BEGIN
    DELETE FROM observations_default
     WHERE observed_at < (SELECT observed_from FROM retention);
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END
$$;

-- Makes all derived tables anew from patient_records, observations and dead_letters, and tells of
-- each how many of its counters were wrong. Writers wait meanwhile, readers do not. Hours below the
-- retention floor stay as they are: what they counted is gone.
CREATE FUNCTION recount() RETURNS TABLE (counters text, wrong bigint)
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    since timestamptz;
BEGIN
    LOCK TABLE observations, patient_records, dead_letters IN SHARE ROW EXCLUSIVE MODE;
    since := coalesce((SELECT observed_from FROM retention), '-infinity');

    counters := 'newest_admissions';
    CREATE TEMPORARY TABLE right_newest ON COMMIT DROP AS
    SELECT DISTINCT ON (patient_id) patient_id, admission_id
      FROM patient_records ORDER BY patient_id, timestamp DESC, admission_id DESC;
    SELECT count(*) INTO wrong
      FROM newest_admissions n FULL JOIN right_newest r USING (patient_id)
     WHERE n.admission_id IS DISTINCT FROM r.admission_id;
    PERFORM set_config('vitalstream.settling', 'on', true);
    UPDATE patient_records p SET newest = (p.admission_id = r.admission_id)
      FROM right_newest r
     WHERE r.patient_id = p.patient_id AND p.newest <> (p.admission_id = r.admission_id);
    PERFORM set_config('vitalstream.settling', '', true);
    DELETE FROM newest_admissions n
     WHERE NOT EXISTS (SELECT FROM right_newest r WHERE r.patient_id = n.patient_id);
    INSERT INTO newest_admissions AS n SELECT * FROM right_newest
    ON CONFLICT (patient_id) DO UPDATE SET admission_id = excluded.admission_id
     WHERE n.admission_id <> excluded.admission_id;
    RETURN NEXT;

    counters := 'census';
    CREATE TEMPORARY TABLE right_census ON COMMIT DROP AS
    SELECT -1 AS shard, dimension, key COLLATE "C" AS key, risk_level COLLATE "C" AS risk_level,
           count(*) AS admissions, sum(heart_rate) AS heart_rate,
           sum(temperature_celsius) AS temperature, sum(oxygen_saturation) AS oxygen_saturation,
           sum(respiratory_rate) AS respiratory_rate, count(*) FILTER (WHERE newest) AS patients,
           coalesce(sum(age) FILTER (WHERE newest), 0) AS age,
           count(*) FILTER (WHERE newest AND oxygen_saturation < 90) AS critical_oxygen,
           count(*) FILTER (WHERE newest AND stay_is_over(status)) AS discharged
      FROM patient_records
     CROSS JOIN LATERAL (VALUES ('all', ''), ('department', department),
           ('primary_diagnosis', primary_diagnosis), ('admission_type', admission_type))
           AS by (dimension, key)
     GROUP BY 2, 3, 4;
    SELECT count(*) INTO wrong
      FROM (SELECT FROM (SELECT * FROM census UNION ALL
                    SELECT -1, dimension, key, risk_level, -admissions, -heart_rate,
                           -temperature, -oxygen_saturation, -respiratory_rate, -patients,
                           -age, -critical_oxygen, -discharged FROM right_census) AS difference
             GROUP BY dimension, key, risk_level
            HAVING (sum(admissions), sum(heart_rate), sum(temperature), sum(oxygen_saturation),
                    sum(respiratory_rate), sum(patients), sum(age), sum(critical_oxygen),
                    sum(discharged)) <> (0, 0, 0, 0, 0, 0, 0, 0, 0)) AS differing;
    DELETE FROM census;
    INSERT INTO census SELECT * FROM right_census;
    RETURN NEXT;

    counters := 'hourly_vitals';
    CREATE TEMPORARY TABLE right_hours ON COMMIT DROP AS
    SELECT -1 AS shard, department COLLATE "C" AS department,
           date_trunc('hour', observed_at, 'UTC') AS hour, count(*) AS observations,
           sum(heart_rate) AS heart_rate, sum(systolic) AS systolic, sum(diastolic) AS diastolic,
           sum(temperature_celsius) AS temperature, sum(oxygen_saturation) AS oxygen_saturation,
           sum(respiratory_rate) AS respiratory_rate, sum(risk_score) AS risk_score,
           count(*) FILTER (WHERE risk_score >= 4) AS high_risk,
           count(*) FILTER (WHERE oxygen_saturation < 90) AS critical_oxygen
      FROM observations WHERE observed_at >= since GROUP BY 2, 3;
    SELECT count(*) INTO wrong
      FROM (SELECT FROM (SELECT * FROM hourly_vitals WHERE hour >= since UNION ALL
                    SELECT -1, department, hour, -observations, -heart_rate, -systolic,
                           -diastolic, -temperature, -oxygen_saturation, -respiratory_rate,
                           -risk_score, -high_risk, -critical_oxygen FROM right_hours) AS difference
             GROUP BY department, hour
            HAVING (sum(observations), sum(heart_rate), sum(systolic), sum(diastolic),
                    sum(temperature), sum(oxygen_saturation), sum(respiratory_rate),
                    sum(risk_score), sum(high_risk), sum(critical_oxygen))
                   <> (0, 0, 0, 0, 0, 0, 0, 0, 0, 0)) AS differing;
    DELETE FROM hourly_vitals WHERE hour >= since;
    INSERT INTO hourly_vitals SELECT * FROM right_hours;
    RETURN NEXT;

    counters := 'dead_letter_counts';
    CREATE TEMPORARY TABLE right_letters ON COMMIT DROP AS
    SELECT -1 AS shard, reason COLLATE "C" AS reason,
           count(*) FILTER (WHERE replayed_at IS NULL) AS waiting, count(replayed_at) AS replayed,
           max(first_seen) AS last_seen
      FROM dead_letters GROUP BY 2;
    SELECT count(*) INTO wrong
      FROM (SELECT reason, sum(waiting) AS waiting, sum(replayed) AS replayed
              FROM (SELECT reason, waiting, replayed FROM dead_letter_counts UNION ALL
                    SELECT reason, -waiting, -replayed FROM right_letters) AS difference
             GROUP BY 1) AS sums
     WHERE sums.waiting <> 0 OR sums.replayed <> 0;
    DELETE FROM dead_letter_counts;
    INSERT INTO dead_letter_counts SELECT * FROM right_letters;
    RETURN NEXT;

    -- Entries may be outdated at any time; none can be called wrong, only made anew.
    DELETE FROM recent_records;
    DELETE FROM recent_bounds;
    INSERT INTO recent_records
    SELECT -1, level.risk_level, max(top.timestamp),
           (array_agg(top.timestamp ORDER BY top.timestamp DESC))[:2000],
           (array_agg(top.admission_id ORDER BY top.timestamp DESC))[:2000]
      FROM (SELECT DISTINCT risk_level FROM patient_records) AS level
     CROSS JOIN LATERAL (
           SELECT timestamp, admission_id FROM patient_records r
            WHERE r.risk_level = level.risk_level ORDER BY timestamp DESC LIMIT 2000) AS top
     GROUP BY level.risk_level;
    INSERT INTO recent_bounds
    SELECT -1, risk_level,
           CASE WHEN cardinality(timestamps) = 2000 THEN timestamps[2000] END,
           cardinality(timestamps)
      FROM recent_records;
    DROP TABLE right_newest, right_census, right_hours, right_letters;
END
$$;

DO $$
DECLARE
    each regprocedure;
BEGIN
    FOR each IN SELECT unnest(ARRAY[
        'create_observation_day(date)', 'observation_days()', 'raise_retention_floor(date)',
        'drop_observation_day(date)', 'drop_stale_observations()', 'recount()']::regprocedure[])
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', each, current_schema);
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', each);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO vitalstream_operator', each);
    END LOOP;
END
$$;
