-- What pages read beside the counters: links to patients, search, the last hour, dead letters.

-- What names a patient in the address of a page: random, so that it tells nothing of the patient.
ALTER TABLE newest_admissions ADD COLUMN link uuid NOT NULL DEFAULT gen_random_uuid();
CREATE UNIQUE INDEX newest_admissions_link ON newest_admissions (link);

COMMENT ON COLUMN newest_admissions.link IS
    'Names the patient in addresses; random, and kept as long as the patient has an admission.';

-- Any word of a name by its beginning. A short pending list keeps searches quick.
CREATE INDEX patient_records_name ON patient_records
    USING gin (to_tsvector('simple', patient_name)) WITH (gin_pending_list_limit = 1024);

CREATE INDEX dead_letters_reason ON dead_letters (reason, first_seen);

-- Earlier hours are only ever read as a range of hours, over all departments.
CREATE INDEX hourly_vitals_hour ON hourly_vitals (hour);

-- By how much the census changed in each minute of the last hour; the slots are used again and
-- again, so that the table does not grow. Department '' is the whole house; records that name none
-- count in it alone.
CREATE TABLE census_changes (
    slot            integer NOT NULL,
    department      text COLLATE "C" NOT NULL,
    risk_level      text COLLATE "C" NOT NULL,
    shard           integer NOT NULL,
    minute          timestamptz NOT NULL,
    admissions      bigint NOT NULL,
    patients        bigint NOT NULL,
    age             bigint NOT NULL,
    critical_oxygen bigint NOT NULL,
    discharged      bigint NOT NULL,
    PRIMARY KEY (slot, department, risk_level, shard)
) WITH (fillfactor = 50);

COMMENT ON TABLE census_changes IS
    'Changes of census by minute, for a little over an hour; add the shards up.';

-- What was in a slot of an earlier hour is overwritten.
CREATE FUNCTION note_census_changes() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    this_minute timestamptz := date_trunc('minute', now());
    this_slot integer := extract(epoch FROM this_minute)::bigint / 60 % 64;
    changes census_changes[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(ROW(this_slot, key, risk_level, shard, this_minute, admissions, patients,
                             age, critical_oxygen, discharged)::census_changes ORDER BY key, risk_level)
          INTO changes FROM after_it WHERE dimension = 'all' OR dimension = 'department' AND key <> '';
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(ROW(this_slot, key, risk_level, shard, this_minute, -admissions, -patients,
                             -age, -critical_oxygen, -discharged)::census_changes
                         ORDER BY key, risk_level)
          INTO changes FROM before_it WHERE dimension = 'all' OR dimension = 'department' AND key <> '';
    ELSE
        SELECT array_agg(ROW(this_slot, key, risk_level, shard, this_minute,
                             a.admissions - b.admissions, a.patients - b.patients, a.age - b.age,
                             a.critical_oxygen - b.critical_oxygen,
                             a.discharged - b.discharged)::census_changes
                         ORDER BY key, risk_level)
          INTO changes
          FROM after_it a JOIN before_it b USING (dimension, key, risk_level, shard)
         WHERE (dimension = 'all' OR dimension = 'department' AND key <> '')
           AND (a.admissions, a.patients, a.age, a.critical_oxygen, a.discharged)
               <> (b.admissions, b.patients, b.age, b.critical_oxygen, b.discharged);
    END IF;
    IF changes IS NOT NULL THEN
        INSERT INTO census_changes AS c
        SELECT * FROM unnest(changes)
        ON CONFLICT (slot, department, risk_level, shard) DO UPDATE
           SET minute = greatest(c.minute, excluded.minute),
               admissions = excluded.admissions
                   + CASE WHEN c.minute < excluded.minute THEN 0 ELSE c.admissions END,
               patients = excluded.patients
                   + CASE WHEN c.minute < excluded.minute THEN 0 ELSE c.patients END,
               age = excluded.age
                   + CASE WHEN c.minute < excluded.minute THEN 0 ELSE c.age END,
               critical_oxygen = excluded.critical_oxygen
                   + CASE WHEN c.minute < excluded.minute THEN 0 ELSE c.critical_oxygen END,
               discharged = excluded.discharged
                   + CASE WHEN c.minute < excluded.minute THEN 0 ELSE c.discharged END;
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION forget_census_changes() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    DELETE FROM census_changes;
    RETURN NULL;
END
$$;

CREATE TRIGGER note_inserted AFTER INSERT ON census
    REFERENCING NEW TABLE AS after_it
    FOR EACH STATEMENT EXECUTE FUNCTION note_census_changes();
CREATE TRIGGER note_updated AFTER UPDATE ON census
    REFERENCING OLD TABLE AS before_it NEW TABLE AS after_it
    FOR EACH STATEMENT EXECUTE FUNCTION note_census_changes();
CREATE TRIGGER note_deleted AFTER DELETE ON census
    REFERENCING OLD TABLE AS before_it
    FOR EACH STATEMENT EXECUTE FUNCTION note_census_changes();
CREATE TRIGGER forget_truncated AFTER TRUNCATE ON census
    FOR EACH STATEMENT EXECUTE FUNCTION forget_census_changes();

DO $$
DECLARE
    each regprocedure;
BEGIN
    FOR each IN SELECT unnest(ARRAY[
        'note_census_changes()', 'forget_census_changes()']::regprocedure[])
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', each, current_schema);
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', each);
    END LOOP;
END
$$;

GRANT SELECT ON newest_admissions, census_changes TO vitalstream_viewer, vitalstream_operator;
