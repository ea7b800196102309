-- Who changed grants and blocks, when, from where, from what to what: a chain
-- that is written by the tables themselves, so that no writer can leave it out.
-- docs/decisions/0006 says why triggers write it, and what it proves.

-- +goose Up
-- How far the history has come. The row is also the lock of every writer, and
-- its version is what a cache of grants and blocks compares. It stands apart
-- from the records so that a last one which was removed is missed.
CREATE TABLE issuer.role_state (
    only_row boolean PRIMARY KEY DEFAULT true,
    version  bigint  NOT NULL DEFAULT 0,  -- the number of the last record
    hash     text    NOT NULL DEFAULT '', -- of the last record: the head of the chain

    CONSTRAINT role_state_has_one_row CHECK (only_row),
    CONSTRAINT role_state_version_is_not_negative CHECK (version >= 0)
);

INSERT INTO issuer.role_state DEFAULT VALUES;

CREATE TABLE issuer.role_history (
    number      bigint      PRIMARY KEY,
    at          timestamptz NOT NULL,
    actor       text        NOT NULL, -- who, as the writer says it: issuer.actor, or 'sql' where it says nothing
    login       text        NOT NULL, -- whom the server let in
    address     text        NOT NULL, -- where from, empty for a socket of the same machine
    application text        NOT NULL,
    kind        text        NOT NULL,
    -- The row as it was and as it is. Of type json, which keeps every byte: the
    -- hash is over the text.
    before      json,
    after       json,
    hash        text        NOT NULL,

    CONSTRAINT role_history_counts_from_one CHECK (number > 0),
    CONSTRAINT role_history_kind_is_known CHECK (kind IN ('grant', 'block')),
    CONSTRAINT role_history_says_something CHECK (before IS NOT NULL OR after IS NOT NULL),
    CONSTRAINT role_history_at_is_finite CHECK (isfinite(at)),
    CONSTRAINT role_history_hash_is_one CHECK (hash ~ '^[0-9a-f]{64}$')
);

-- A hash is the SHA-256, in hex, of these texts, each as a netstring (its length
-- in bytes, a colon, the text, a comma; UTF-8), one behind the other: the hash
-- of the record before, number, at, actor, login, address, application, kind,
-- before, after. The first record has no hash before it, and no row is no text.
-- The program computes the same; who changes it here breaks the chain.
-- +goose StatementBegin
CREATE FUNCTION issuer.role_hash(VARIADIC fields text[]) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT encode(sha256(convert_to(string_agg(octet_length(convert_to(f.text, 'UTF8')) || ':' || f.text || ',', '' ORDER BY f.place), 'UTF8')), 'hex')
    FROM (SELECT coalesce(u.text, '') AS text, u.place FROM unnest(fields) WITH ORDINALITY AS u(text, place)) AS f
$$;
-- +goose StatementEnd

-- Records what separates the rows before from the rows after. Rows are told
-- apart by their identity: whoever moves a grant to another role removes one
-- and adds one.
-- +goose StatementBegin
CREATE FUNCTION issuer.record_roles(of_kind text, rows_before jsonb[], rows_after jsonb[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    state       issuer.role_state%ROWTYPE;
    change      record;
    began_with  bigint;
    moment      timestamptz;
    actor       text := coalesce(nullif(left(current_setting('issuer.actor', true), 1024), ''), 'sql');
    address     text := coalesce(host(inet_client_addr()), '');
    application text := coalesce(current_setting('application_name', true), '');
BEGIN
    SELECT * INTO state FROM issuer.role_state FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'issuer.role_state has lost its row: restore the database';
    END IF;
    began_with := state.version;
    FOR change IN
        SELECT b.image::text AS before, a.image::text AS after
        FROM unnest(rows_before) AS b(image) FULL JOIN unnest(rows_after) AS a(image)
            ON jsonb_build_array(b.image->'tenant', b.image->'principal_kind', b.image->'principal', b.image->'role')
             = jsonb_build_array(a.image->'tenant', a.image->'principal_kind', a.image->'principal', a.image->'role')
        WHERE b.image IS DISTINCT FROM a.image
        ORDER BY coalesce(a.image, b.image)->>'tenant', coalesce(a.image, b.image)->>'principal_kind' COLLATE "C",
            coalesce(a.image, b.image)->>'principal' COLLATE "C", coalesce(a.image, b.image)->>'role' COLLATE "C"
    LOOP
        state.version := state.version + 1;
        moment := clock_timestamp(); -- not now(): the transaction may have waited for the last writer
        state.hash := issuer.role_hash(state.hash, state.version::text,
            to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            actor, session_user::text, address, application, of_kind, change.before, change.after);
        INSERT INTO issuer.role_history VALUES (state.version, moment, actor, session_user, address, application, of_kind,
            change.before::json, change.after::json, state.hash);
    END LOOP;
    IF state.version > began_with THEN
        UPDATE issuer.role_state SET version = state.version, hash = state.hash;
        PERFORM pg_notify('issuer_roles', ''); -- sent at commit, once for all changes of a transaction
    END IF;
END $$;
-- +goose StatementEnd

-- The triggers run with the rights of who migrated, so that a login which may
-- only change grants and blocks needs no right to the history, and has none.
-- +goose StatementBegin
CREATE FUNCTION issuer.on_roles_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    rows_before jsonb[];
    rows_after  jsonb[];
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        EXECUTE format('SELECT array_agg(to_jsonb(r)) FROM issuer.%I AS r', TG_TABLE_NAME) INTO rows_before;
    END IF;
    IF TG_OP IN ('UPDATE', 'DELETE') THEN
        SELECT array_agg(to_jsonb(r)) INTO rows_before FROM rows_old AS r;
    END IF;
    IF TG_OP IN ('INSERT', 'UPDATE') THEN
        SELECT array_agg(to_jsonb(r)) INTO rows_after FROM rows_new AS r;
    END IF;
    PERFORM issuer.record_roles(rtrim(TG_TABLE_NAME, 's'), rows_before, rows_after);
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- Taken before any row is touched: writers queue here, one after the other, and
-- not across each other's rows.
-- +goose StatementBegin
CREATE FUNCTION issuer.before_roles_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM issuer.role_state FOR UPDATE;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- The history and its head are written by the functions above, and by nobody
-- else. A superuser or the owner can get around this; that is what the chain is for.
-- +goose StatementBegin
CREATE FUNCTION issuer.refuse_to_change_history() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF pg_trigger_depth() > 1 AND (TG_OP = 'INSERT' AND TG_TABLE_NAME = 'role_history' OR TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'role_state') THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'issuer.% is written by the triggers of issuer.grants and issuer.blocks alone', TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
-- +goose StatementEnd

REVOKE ALL ON FUNCTION issuer.role_hash(text[]), issuer.record_roles(text, jsonb[], jsonb[]), issuer.on_roles_change(),
    issuer.before_roles_change(), issuer.refuse_to_change_history() FROM PUBLIC;

-- No change may slip in between the rows that are recorded as found and the
-- triggers, and who asks for grants goes on reading meanwhile.
LOCK TABLE issuer.grants, issuer.blocks IN SHARE ROW EXCLUSIVE MODE;

-- +goose StatementBegin
DO $$
BEGIN
    PERFORM set_config('issuer.actor', 'found by migration 5', true), set_config('timezone', 'UTC', true);
    PERFORM issuer.record_roles('grant', NULL, (SELECT array_agg(to_jsonb(r)) FROM issuer.grants AS r));
    PERFORM issuer.record_roles('block', NULL, (SELECT array_agg(to_jsonb(r)) FROM issuer.blocks AS r));
    PERFORM set_config('issuer.actor', '', true);
END $$;
-- +goose StatementEnd

CREATE TRIGGER roles_wait BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON issuer.grants
    FOR EACH STATEMENT EXECUTE FUNCTION issuer.before_roles_change();
CREATE TRIGGER roles_insert AFTER INSERT ON issuer.grants REFERENCING NEW TABLE AS rows_new
    FOR EACH STATEMENT EXECUTE FUNCTION issuer.on_roles_change();
CREATE TRIGGER roles_update AFTER UPDATE ON issuer.grants REFERENCING OLD TABLE AS rows_old NEW TABLE AS rows_new
    FOR EACH STATEMENT EXECUTE FUNCTION issuer.on_roles_change();
CREATE TRIGGER roles_delete AFTER DELETE ON issuer.grants REFERENCING OLD TABLE AS rows_old
    FOR EACH STATEMENT EXECUTE FUNCTION issuer.on_roles_change();
CREATE TRIGGER roles_truncate BEFORE TRUNCATE ON issuer.grants -- afterwards the rows are gone
    FOR EACH STATEMENT EXECUTE FUNCTION issuer.on_roles_change();

CREATE TRIGGER roles_wait BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON issuer.blocks
    FOR EACH STATEMENT EXECUTE FUNCTION issuer.before_roles_change();
CREATE TRIGGER roles_insert AFTER INSERT ON issuer.blocks REFERENCING NEW TABLE AS rows_new
    FOR EACH STATEMENT EXECUTE FUNCTION issuer.on_roles_change();
CREATE TRIGGER roles_update AFTER UPDATE ON issuer.blocks REFERENCING OLD TABLE AS rows_old NEW TABLE AS rows_new
    FOR EACH STATEMENT EXECUTE FUNCTION issuer.on_roles_change();
CREATE TRIGGER roles_delete AFTER DELETE ON issuer.blocks REFERENCING OLD TABLE AS rows_old
    FOR EACH STATEMENT EXECUTE FUNCTION issuer.on_roles_change();
CREATE TRIGGER roles_truncate BEFORE TRUNCATE ON issuer.blocks
    FOR EACH STATEMENT EXECUTE FUNCTION issuer.on_roles_change();

CREATE TRIGGER history_is_kept BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON issuer.role_history
    FOR EACH STATEMENT EXECUTE FUNCTION issuer.refuse_to_change_history();
CREATE TRIGGER history_is_kept BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON issuer.role_state
    FOR EACH STATEMENT EXECUTE FUNCTION issuer.refuse_to_change_history();

-- What no release has written and no answer could hold: NOT VALID, so that rows
-- which somebody wrote by hand stay where they are until they are changed.
ALTER TABLE issuer.grants
    ADD CONSTRAINT grants_session_names_are_variables CHECK (jsonb_typeof(session) <> 'object'
        OR NOT jsonb_path_exists(session, '$.keyvalue() ? (!(@.key like_regex "^x-hasura-[a-z0-9-]+$"))')) NOT VALID,
    ADD CONSTRAINT grants_app_role_is_no_id CHECK (principal_kind <> 'app_role'
        OR principal !~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$') NOT VALID,
    ADD CONSTRAINT grants_reason_is_one_line CHECK (reason !~ '[[:cntrl:]]' AND octet_length(reason) <= 1024) NOT VALID;
ALTER TABLE issuer.blocks
    ADD CONSTRAINT blocks_reason_is_one_line CHECK (reason !~ '[[:cntrl:]]' AND octet_length(reason) <= 1024) NOT VALID;
