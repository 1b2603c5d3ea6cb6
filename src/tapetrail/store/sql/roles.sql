-- Who may enter the schema: the owner of the tables, who adds rows to them, and who only reads.
--
-- Their names stand in settings of the transaction: `tapetrail.owner`, `tapetrail.app` and
-- `tapetrail.reader`. The schema stays with its creator: even the owner of the tables cannot drop it.
DO $$
DECLARE
    owner text := pg_catalog.current_setting('tapetrail.owner');
    app text := pg_catalog.current_setting('tapetrail.app');
    reader text := pg_catalog.current_setting('tapetrail.reader');
BEGIN
    IF pg_catalog.pg_has_role(
        current_user, (SELECT nspowner FROM pg_catalog.pg_namespace WHERE nspname = 'tapetrail'), 'USAGE'
    ) THEN
        REVOKE ALL ON SCHEMA tapetrail FROM PUBLIC;
        EXECUTE pg_catalog.format('GRANT USAGE, CREATE ON SCHEMA tapetrail TO %I', owner);
        EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA tapetrail TO %I, %I', app, reader);
    END IF;
END
$$;
