-- Who should have been observed again by now, right for any writer and found without a look at the
-- admissions that are over.

-- About when an admission was last seen, so that a reader need not look at all who were forgotten
-- long ago. So coarse because each change of an indexed column makes an update of all indexes:
-- `timestamp` itself in an index takes a third more of PostgreSQL's time for every record. Our writer
-- keeps it; of what another program writes it may be too old, so it decides nothing by itself. (A
-- generated column would be exact, and costs a tenth more: PostgreSQL forms each row twice.)
ALTER TABLE patient_records
    ADD COLUMN seen_about timestamp NOT NULL
        DEFAULT date_bin('6 hours', timezone('UTC', now()), '2000-01-01');

COMMENT ON COLUMN patient_records.seen_about IS
    'Quarter of a day that timestamp lies in, or an older one; a hint for the search by its index.';

CREATE INDEX patient_records_watched ON patient_records (seen_about)
    WHERE newest AND NOT stay_is_over(status);

-- Minutes within which NEWS2's response asks for the next observation: 0 points 12 h, 1-4 points
-- 4 h, 5-6 points or a single 3 an hour, 7 and more all the time, taken as 15 min (Royal College of
-- Physicians 2017, chart 4). Who has no NEWS2, a child or a row of another program, is given 4 h.
CREATE FUNCTION observe_within(r patient_records) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN r.news2 >= 7 THEN 15
                WHEN r.news2 >= 5 THEN 60
                WHEN r.news2 = 0 THEN 720
                WHEN r.news2 < 3 OR r.news2 IS NULL THEN 240
                WHEN r.respiratory_rate <= 8 OR r.respiratory_rate >= 25
                     OR r.heart_rate <= 40 OR r.heart_rate >= 131
                     OR r.consciousness <> 'A'
                     OR r.temperature_celsius <= 35.0
                     OR r.oxygen_saturation <= CASE r.spo2_scale WHEN 2 THEN 83 ELSE 91 END
                     OR r.spo2_scale = 2 AND r.supplemental_oxygen AND r.oxygen_saturation >= 97
                     OR substring(r.blood_pressure FROM '^[0-9]{1,3}')::integer
                        NOT BETWEEN 91 AND 219
                THEN 60
                ELSE 240 END
$$;
