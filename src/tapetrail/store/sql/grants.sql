-- Who may do what: the application adds and reads rows, the reader reads, the public nothing.
--
-- Nobody but the owner needs to run the trigger functions by name: a trigger runs them itself.
-- Identity columns need no privilege on their sequences.

GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA tapetrail TO tapetrail_app;
GRANT SELECT ON ALL TABLES IN SCHEMA tapetrail TO tapetrail_reader;
REVOKE INSERT ON tapetrail.alembic_version FROM tapetrail_app;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA tapetrail FROM PUBLIC;
