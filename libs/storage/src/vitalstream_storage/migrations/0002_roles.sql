-- Group roles that logins are made members of; nobody but migrations runs as the owner.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['vitalstream_writer', 'vitalstream_viewer', 'vitalstream_operator']
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL; -- another database of this cluster was migrated at the same time
            END;
        END IF;
    END LOOP;
END
$$;

DO $$
BEGIN
    EXECUTE format(
        'GRANT USAGE ON SCHEMA %I TO vitalstream_writer, vitalstream_viewer, vitalstream_operator',
        current_schema);
END
$$;

GRANT SELECT ON schema_version, retention
    TO vitalstream_writer, vitalstream_viewer, vitalstream_operator;

GRANT SELECT, INSERT, UPDATE ON patient_records, stream_offsets TO vitalstream_writer;
GRANT SELECT, INSERT ON observations, stream_gaps TO vitalstream_writer;
GRANT INSERT, SELECT (topic_id, partition, "offset") ON dead_letters TO vitalstream_writer;

GRANT SELECT ON patient_records, observations, stream_offsets, stream_gaps
    TO vitalstream_viewer, vitalstream_operator;
GRANT SELECT, UPDATE (replayed_at) ON dead_letters TO vitalstream_operator;
