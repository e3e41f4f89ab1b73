-- The event's tables, the ledger of the stream, and what could not be stored.

-- One row per admission: its latest state. The first 21 columns are the first specification's, in
-- its order and types; the rest has defaults, so that an INSERT of those 21 still works. The table
-- may be there already, made by the first specification's consumer.
CREATE TABLE IF NOT EXISTS patient_records (
    patient_id          varchar(50),
    admission_id        varchar(50) PRIMARY KEY,
    timestamp           timestamp,
    admission_timestamp timestamp,
    patient_name        varchar(200),
    age                 integer,
    gender              varchar(20),
    department          varchar(100),
    primary_diagnosis   varchar(200),
    admission_type      varchar(50),
    status              varchar(50),
    insurance_provider  varchar(100),
    heart_rate          integer,
    blood_pressure      varchar(20),
    temperature_celsius numeric(4, 1),
    oxygen_saturation   integer,
    respiratory_rate    integer,
    risk_score          integer,
    risk_level          varchar(20),
    attending_physician varchar(200),
    hospital_location   varchar(200)
);

-- Half of each page is kept free for the next version of each of its rows, so that an update changes
-- no index and what it left behind makes room for the one after it.
-- Identifiers are compared byte by byte: as fast as it gets, and in the order that programs sort.
ALTER TABLE patient_records
    ALTER COLUMN patient_id TYPE varchar(50) COLLATE "C",
    ALTER COLUMN admission_id TYPE varchar(50) COLLATE "C",
    ALTER COLUMN patient_id SET NOT NULL,
    ALTER COLUMN timestamp SET NOT NULL,
    ALTER COLUMN admission_timestamp SET NOT NULL,
    ALTER COLUMN patient_name SET NOT NULL,
    ALTER COLUMN age SET NOT NULL,
    ALTER COLUMN gender SET NOT NULL,
    ALTER COLUMN department SET NOT NULL,
    ALTER COLUMN primary_diagnosis SET NOT NULL,
    ALTER COLUMN admission_type SET NOT NULL,
    ALTER COLUMN status SET NOT NULL,
    ALTER COLUMN insurance_provider SET NOT NULL,
    ALTER COLUMN heart_rate SET NOT NULL,
    ALTER COLUMN blood_pressure SET NOT NULL,
    ALTER COLUMN temperature_celsius SET NOT NULL,
    ALTER COLUMN oxygen_saturation SET NOT NULL,
    ALTER COLUMN respiratory_rate SET NOT NULL,
    ALTER COLUMN risk_score SET NOT NULL,
    ALTER COLUMN risk_level SET NOT NULL,
    ALTER COLUMN attending_physician SET NOT NULL,
    ALTER COLUMN hospital_location SET NOT NULL,
    ADD COLUMN supplemental_oxygen boolean,
    ADD COLUMN consciousness char(1),
    ADD COLUMN spo2_scale smallint NOT NULL DEFAULT 1,
    ADD COLUMN news2 smallint,
    ADD COLUMN news2_complete boolean NOT NULL DEFAULT false,
    ADD COLUMN newest boolean NOT NULL DEFAULT true,
    SET (fillfactor = 45);

CREATE INDEX patient_records_patient ON patient_records (patient_id);

COMMENT ON COLUMN patient_records.newest IS
    'Whether this is its patient''s newest admission; kept by triggers, not to be written.';

COMMENT ON TABLE patient_records IS 'One row per admission: its latest state. Clocks are UTC.';

-- One row per accepted record, never changed. A day's partition is made by maintain; whatever day
-- has none goes to the default partition.
CREATE TABLE observations (
    observed_at         timestamptz NOT NULL,
    kafka_offset        bigint NOT NULL,
    kafka_partition     integer NOT NULL,
    heart_rate          smallint NOT NULL,
    systolic            smallint NOT NULL,
    diastolic           smallint NOT NULL,
    oxygen_saturation   smallint NOT NULL,
    respiratory_rate    smallint NOT NULL,
    risk_score          smallint NOT NULL,
    news2               smallint,
    spo2_scale          smallint NOT NULL,
    news2_complete      boolean NOT NULL,
    supplemental_oxygen boolean,
    consciousness       char(1),
    temperature_celsius numeric(4, 1) NOT NULL,
    admission_id        varchar(50) COLLATE "C" NOT NULL,
    patient_id          varchar(50) COLLATE "C" NOT NULL,
    department          varchar(100) NOT NULL,
    PRIMARY KEY (admission_id, observed_at)
) PARTITION BY RANGE (observed_at);

CREATE TABLE observations_default PARTITION OF observations DEFAULT;

COMMENT ON TABLE observations IS 'One row per accepted record, append-only, by day (UTC).';

-- Where each partition of each topic stands; the row is the lock and the compare-and-set of every
-- write. stored + duplicates + stale + dead = next_offset - start_offset, less what was missing.
CREATE TABLE stream_offsets (
    topic_id       uuid NOT NULL,
    partition      integer NOT NULL,
    topic          text NOT NULL,
    start_offset   bigint NOT NULL,
    next_offset    bigint NOT NULL,
    leader_epoch   integer,
    owner_token    uuid,
    claimed_at     timestamptz,
    stored         bigint NOT NULL DEFAULT 0,
    duplicates     bigint NOT NULL DEFAULT 0,
    stale          bigint NOT NULL DEFAULT 0,
    dead           bigint NOT NULL DEFAULT 0,
    last_append_at timestamptz,
    last_commit_at timestamptz,
    log_end_offset bigint,
    log_end_at     timestamptz,
    PRIMARY KEY (topic_id, partition)
) WITH (fillfactor = 20);

COMMENT ON TABLE stream_offsets IS 'The ledger: next offset, owner and verdicts by partition.';

-- headers: [["name", "base64 of the value" or null], ...]; json, since jsonb refuses a NUL in a name.
CREATE TABLE dead_letters (
    topic_id    uuid NOT NULL,
    partition   integer NOT NULL,
    "offset"    bigint NOT NULL,
    topic       text NOT NULL,
    key         bytea,
    payload     bytea,
    headers     json NOT NULL DEFAULT '[]',
    appended_at timestamptz,
    reason      text NOT NULL,
    field       text,
    error       text NOT NULL,
    first_seen  timestamptz NOT NULL DEFAULT now(),
    replayed_at timestamptz,
    PRIMARY KEY (topic_id, partition, "offset")
);

COMMENT ON TABLE dead_letters IS 'Records that could not be stored, as they came, with the reason.';

-- next_offset: where the stream went on; deleted: the broker no longer had the range; truncated:
-- the log ended before the ledger's offset.
CREATE TABLE stream_gaps (
    topic_id     uuid NOT NULL,
    partition    integer NOT NULL,
    first_offset bigint NOT NULL,
    next_offset  bigint NOT NULL,
    topic        text NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('deleted', 'truncated')),
    seen_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (topic_id, partition, first_offset, seen_at)
);

COMMENT ON TABLE stream_gaps IS 'Ranges of offsets that the broker no longer had, and why.';

-- Records observed before the floor are stale: retention has dropped their days.
CREATE TABLE retention (
    only_row      boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    observed_from timestamptz
);

INSERT INTO retention DEFAULT VALUES;

CREATE VIEW schema_version AS
    SELECT coalesce(max(substr(migration_id, 1, 4)::integer), 0) AS version FROM _yoyo_migration;
