-- A change as a later release may make it, which the release before it can live with.
ALTER TABLE patient_records ADD COLUMN of_the_next_release text;
