-- Who should have been observed again by now, right for any writer and found without a look at the
-- admissions that are over.

-- The quarter of a day that the latest state of a current admission lies in; null where nobody is
-- waited for. So coarse because each change of an indexed column makes an update of all indexes:
-- `timestamp` itself in an index takes a third more of PostgreSQL's time for every record.
ALTER TABLE patient_records
    ADD COLUMN watched_since timestamp GENERATED ALWAYS AS (
        CASE WHEN newest AND NOT stay_is_over(status)
             THEN date_bin('6 hours', timestamp, '2000-01-01') END) STORED;

COMMENT ON COLUMN patient_records.watched_since IS
    'Quarter of a day of a current admission''s latest state; null where the stay is over.';

CREATE INDEX patient_records_watched ON patient_records (watched_since)
    WHERE watched_since IS NOT NULL;

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
