-- The three roles, and who may enter the schema.
--
-- Whoever runs an upgrade creates things, but nobody should have to be that powerful afterwards:
-- tapetrail_owner owns the tables, tapetrail_app adds rows and reads them, tapetrail_reader reads. They
-- may log in, as a private server asks for no password; elsewhere they cannot until an administrator
-- gives them one. Roles belong to the whole server, so they may be there already.

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['tapetrail_owner', 'tapetrail_app', 'tapetrail_reader'] LOOP
        -- Two databases of one server may be upgraded at once; the second finds it a moment too late.
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role) THEN
                EXECUTE pg_catalog.format('CREATE ROLE %I LOGIN', role);
            END IF;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL;
        END;
        -- A superuser may act as anybody. Anyone else must be a member to create tables for the owner,
        -- and connects as the application and the reader all the same. Who may not grant it again has
        -- been made a member before, or is told so by what comes next.
        IF NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = session_user) THEN
            BEGIN
                EXECUTE pg_catalog.format('GRANT %I TO %I', role, session_user);
            EXCEPTION
                WHEN insufficient_privilege THEN NULL;
            END;
        END IF;
    END LOOP;
END
$$;

-- The schema stays with its creator: even the owner of the tables cannot drop it.
DO $$
BEGIN
    IF pg_catalog.pg_has_role(
        current_user, (SELECT nspowner FROM pg_catalog.pg_namespace WHERE nspname = 'tapetrail'), 'USAGE'
    ) THEN
        REVOKE ALL ON SCHEMA tapetrail FROM PUBLIC;
        GRANT USAGE, CREATE ON SCHEMA tapetrail TO tapetrail_owner;
        GRANT USAGE ON SCHEMA tapetrail TO tapetrail_app, tapetrail_reader;
    END IF;
END
$$;
