-- The two roles that hold Ticker's rights. Nobody signs in as them: each environment makes logins of
-- its own that are members, so that a password can be changed while the other login keeps working.
-- Used as it stands by `cargo xtask`, by the tests and by the container's initialisation, once for a
-- whole PostgreSQL server, by a superuser; running it again (or twice at once) changes nothing.

DO $roles$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['ticker_owner', 'ticker_app'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I', wanted);
        EXCEPTION
            -- Which of the two it is depends on whether the other session has committed yet.
            WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END LOOP;
END
$roles$;

COMMENT ON ROLE ticker_owner IS 'Owns the schema of Ticker and runs its migrations';
COMMENT ON ROLE ticker_app IS 'What the application may do: granted table by table in the migrations';
