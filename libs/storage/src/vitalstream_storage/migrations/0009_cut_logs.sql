-- A log that was cut and has grown again has other records at offsets that it had before. What is
-- known of the lost ones stays, under an id of its own, out of the way of these places' new ones.
-- A hash is of the record that is there now: of its key, a NUL, and its payload.
CREATE FUNCTION set_letters_aside(
    of_topic uuid, partitions integer[], offsets bigint[], hashes bytea[])
RETURNS TABLE (partition integer, "offset" bigint)
LANGUAGE sql SECURITY DEFINER AS $$
    UPDATE dead_letters d SET topic_id = aside.id
      FROM unnest(partitions, offsets, hashes) AS n (partition, "offset", hash),
           (SELECT gen_random_uuid() AS id) AS aside
     WHERE (d.topic_id, d.partition, d."offset") = (of_topic, n.partition, n."offset")
       AND sha256(coalesce(d.key, '') || '\x00' || coalesce(d.payload, '')) <> n.hash
    RETURNING d.partition, d."offset"
$$;

DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION set_letters_aside SET search_path = %I, pg_temp', current_schema);
END
$$;

REVOKE EXECUTE ON FUNCTION set_letters_aside FROM PUBLIC;
GRANT EXECUTE ON FUNCTION set_letters_aside TO vitalstream_writer;
