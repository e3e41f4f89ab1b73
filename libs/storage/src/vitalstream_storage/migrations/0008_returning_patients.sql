-- What new admissions cost: each makes a patient's pointer, and one that comes back to another bed
-- makes the earlier admission no longer the newest.

-- `newest` is in no index's condition any more: to set it changes no index. Those of an earlier
-- admission that was never ended are in the index, and left out by whoever reads by it.
DROP INDEX patient_records_watched;
CREATE INDEX patient_records_watched ON patient_records (seen_about)
    WHERE NOT stay_is_over(status);

-- As before, in fewer passes: its rows are locked, compared and marked by one statement. It sees what
-- those who held the pointer before have committed, since it begins after the pointer is locked.
CREATE OR REPLACE FUNCTION settle_patients(ids varchar[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO newest_admissions (patient_id, admission_id)
    SELECT DISTINCT id, '' FROM unnest(ids) AS id
     WHERE NOT EXISTS (SELECT FROM newest_admissions n WHERE n.patient_id = id)
     ORDER BY id ON CONFLICT DO NOTHING;
    PERFORM FROM unnest(ids) AS id JOIN newest_admissions n ON n.patient_id = id
      ORDER BY id FOR UPDATE OF n;
    PERFORM set_config('vitalstream.settling', 'on', true);
    WITH stays AS MATERIALIZED (
        SELECT r.patient_id, r.admission_id, r.timestamp, r.newest
          FROM (SELECT DISTINCT id FROM unnest(ids) AS id) AS wanted
          JOIN patient_records r ON r.patient_id = wanted.id
         ORDER BY r.admission_id FOR UPDATE OF r),
    best AS MATERIALIZED (
        SELECT DISTINCT ON (patient_id) patient_id, admission_id
          FROM stays ORDER BY patient_id, timestamp DESC, admission_id DESC),
    gone AS (
        DELETE FROM newest_admissions n USING unnest(ids) AS id
         WHERE n.patient_id = id AND NOT EXISTS (SELECT FROM best WHERE best.patient_id = id)),
    pointed AS (
        UPDATE newest_admissions n SET admission_id = best.admission_id
          FROM best WHERE n.patient_id = best.patient_id AND n.admission_id <> best.admission_id)
    UPDATE patient_records r SET newest = (r.admission_id = best.admission_id)
      FROM stays JOIN best USING (patient_id)
     WHERE r.admission_id = stays.admission_id
       AND stays.newest <> (stays.admission_id = best.admission_id);
    PERFORM set_config('vitalstream.settling', '', true);
END
$$;

-- Links are made of one random secret a statement, which is then forgotten: a system call for each
-- takes longer than the row. In order of patients, so that two writers that meet never deadlock here.
CREATE OR REPLACE FUNCTION place_inserted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    secret bytea := uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
    placed bigint;
    doubtful varchar[];
BEGIN
    INSERT INTO newest_admissions (patient_id, admission_id, link)
    SELECT patient_id, admission_id,
           encode(substr(sha256(secret || convert_to(patient_id, 'UTF8')), 1, 16), 'hex')::uuid
      FROM changed WHERE newest ORDER BY patient_id ON CONFLICT (patient_id) DO NOTHING;
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

-- CREATE OR REPLACE keeps rights and forgets the fixed search path.
DO $$
DECLARE
    each regprocedure;
BEGIN
    FOR each IN SELECT unnest(ARRAY[
        'settle_patients(varchar[])', 'place_inserted()']::regprocedure[])
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', each, current_schema);
    END LOOP;
END
$$;
