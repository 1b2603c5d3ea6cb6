-- Who may do what: the application adds and reads rows, and changes those of work alone; the reader
-- reads, the public nothing.
--
-- Nobody but the owner needs to run the trigger functions by name: a trigger runs them itself.
-- Identity columns need no privilege on their sequences.

GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA tapetrail TO tapetrail_app;
GRANT SELECT ON ALL TABLES IN SCHEMA tapetrail TO tapetrail_reader;
GRANT UPDATE ON tapetrail.budget_counts, tapetrail.budget_reservations, tapetrail.provider_flow
    TO tapetrail_app;
REVOKE INSERT ON tapetrail.alembic_version FROM tapetrail_app;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA tapetrail FROM PUBLIC;
