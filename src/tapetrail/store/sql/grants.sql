-- Who may do what: the application adds and reads rows, and changes those of work alone; the reader
-- reads, the public nothing.
--
-- Nobody but the owner needs to run the trigger functions by name: a trigger runs them itself.
-- Identity columns need no privilege on their sequences. The names of the two stand in settings of
-- the transaction.
DO $$
DECLARE
    app text := pg_catalog.current_setting('tapetrail.app');
    reader text := pg_catalog.current_setting('tapetrail.reader');
BEGIN
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA tapetrail TO %I', app);
    EXECUTE pg_catalog.format('GRANT SELECT ON ALL TABLES IN SCHEMA tapetrail TO %I', reader);
    EXECUTE pg_catalog.format(
        'GRANT UPDATE ON tapetrail.budget_counts, tapetrail.budget_reservations, tapetrail.provider_flow,'
        ' tapetrail.recording_leases, tapetrail.api_key_uses TO %I', app);
    EXECUTE pg_catalog.format('GRANT DELETE ON tapetrail.recording_leases TO %I', app);
    EXECUTE pg_catalog.format('REVOKE INSERT ON tapetrail.alembic_version FROM %I', app);
END
$$;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA tapetrail FROM PUBLIC;
