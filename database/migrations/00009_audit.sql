-- One record of every decision and of every change, in a table for each month.
-- docs/audit.md says who writes what, and when a record is there.

-- +goose Up
CREATE TABLE issuer.audit (
    id               uuid        NOT NULL,
    at               timestamptz NOT NULL,
    kind             text        COLLATE "C" NOT NULL, -- exchange, or what changed: keys, roles, settings

    -- Of an exchange: who, by ids, wished for what, and got what.
    door             text        COLLATE "C",
    outcome          text        COLLATE "C",
    reason           text        COLLATE "C",
    tenant           uuid,
    object_id        text        COLLATE "C",
    caller           text        COLLATE "C", -- user or app
    client_id        text        COLLATE "C",
    asked_roles      text[],
    asked_role       text,
    roles            text[],
    grants           text[],
    policy_decision  text,
    kid              text        COLLATE "C",
    jti              text        COLLATE "C",
    expires_at       timestamptz,
    token_sha256     text        COLLATE "C", -- of the subject token, its first 16 hex digits
    subject_token_id text        COLLATE "C",
    address          text        COLLATE "C",
    request_id       text        COLLATE "C",
    trace_id         text        COLLATE "C",
    replica          text,
    repeats          bigint      NOT NULL DEFAULT 0, -- answers from memory that were the same
    repeated_at      timestamptz,                    -- the last of them

    -- Of a change: who, as the writer says it and as the server let in, and what.
    actor            text,
    login            text,
    details          jsonb,

    PRIMARY KEY (at, id),
    CONSTRAINT audit_kind_is_known CHECK (kind IN ('exchange', 'keys', 'roles', 'settings')),
    CONSTRAINT audit_at_is_finite CHECK (isfinite(at)),
    CONSTRAINT audit_token_is_only_named CHECK (token_sha256 ~ '^[0-9a-f]{16}$'),
    CONSTRAINT audit_exchange_is_whole CHECK (kind <> 'exchange'
        OR (door IS NOT NULL AND outcome IS NOT NULL AND outcome IN ('granted', 'refused') AND reason IS NOT NULL AND tenant IS NOT NULL)),
    CONSTRAINT audit_change_is_whole CHECK (kind = 'exchange' OR (actor IS NOT NULL AND details IS NOT NULL))
) PARTITION BY RANGE (at);

CREATE INDEX audit_object_id ON issuer.audit (object_id, at) WHERE object_id IS NOT NULL;
CREATE INDEX audit_jti ON issuer.audit (jti) WHERE jti IS NOT NULL;
CREATE INDEX audit_token_sha256 ON issuer.audit (token_sha256) WHERE token_sha256 IS NOT NULL;
CREATE INDEX audit_changes ON issuer.audit (kind, at) WHERE kind <> 'exchange';

-- What no month is there for: no record is refused for want of a table.
CREATE TABLE issuer.audit_elsewhen PARTITION OF issuer.audit DEFAULT;

-- Makes the tables of this month and of the next ones, drops those whose month
-- is over for longer than keep_months (0: none), and returns what it made and
-- dropped. Replicas may call it side by side: one works, the others do nothing.
-- It never waits long for a lock, since whoever writes a record waits behind it.
-- +goose StatementBegin
CREATE FUNCTION issuer.audit_months(keep_months integer) RETURNS TABLE (made text[], dropped text[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
DECLARE
    month timestamptz;
    name  text;
BEGIN
    made := '{}';
    dropped := '{}';
    IF keep_months < 0 THEN
        RAISE EXCEPTION 'keep_months is negative';
    END IF;
    IF NOT pg_try_advisory_xact_lock(hashtextextended('issuer.audit_months', 0)) THEN
        RETURN NEXT;
        RETURN;
    END IF;
    FOR month IN SELECT generate_series(date_trunc('month', now()), date_trunc('month', now()) + interval '2 months', interval '1 month') LOOP
        name := 'audit_' || to_char(month, 'YYYY_MM');
        CONTINUE WHEN to_regclass('issuer.' || name) IS NOT NULL;
        -- What came while the month had no table goes where it belongs.
        EXECUTE format('CREATE TABLE issuer.%I (LIKE issuer.audit INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
        EXECUTE format('WITH moved AS (DELETE FROM issuer.audit_elsewhen WHERE at >= %L AND at < %L RETURNING *) INSERT INTO issuer.%I SELECT * FROM moved',
            month, month + interval '1 month', name);
        EXECUTE format('ALTER TABLE issuer.audit ATTACH PARTITION issuer.%I FOR VALUES FROM (%L) TO (%L)', name, month, month + interval '1 month');
        made := made || name;
    END LOOP;
    IF keep_months > 0 THEN
        FOR name IN
            SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'issuer.audit'::regclass AND c.relname ~ '^audit_[0-9]{4}_[0-9]{2}$'
                AND c.relname::text COLLATE "C" < 'audit_' || to_char(now() - make_interval(months => keep_months), 'YYYY_MM')
            ORDER BY c.relname
        LOOP
            EXECUTE format('DROP TABLE issuer.%I', name);
            dropped := dropped || name;
        END LOOP;
    END IF;
    RETURN NEXT;
END $$;
-- +goose StatementEnd

SELECT FROM issuer.audit_months(0);

-- A change is recorded in its own transaction, by the tables themselves, so
-- that no writer can leave it out.
-- +goose StatementBegin
CREATE FUNCTION issuer.audit_change(of_kind text, by_actor text, what jsonb) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO issuer.audit (id, at, kind, actor, login, address, details)
    VALUES (gen_random_uuid(), clock_timestamp(), of_kind, by_actor, session_user, coalesce(host(inet_client_addr()), ''), what)
$$;
-- +goose StatementEnd

-- A key as it may be shown: what is secret, or says nothing, is left out.
-- +goose StatementBegin
CREATE FUNCTION issuer.on_keys_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    actor  text := coalesce(nullif(left(current_setting('issuer.actor', true), 1024), ''), 'sql');
    hidden text[] := ARRAY['private', 'public', 'mac', 'created_at'];
    was    jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) - hidden END;
    is_now jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) - hidden END;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.private IS DISTINCT FROM NEW.private THEN
            is_now := is_now || jsonb_build_object('private', CASE WHEN NEW.private IS NULL THEN 'wiped' ELSE 'sealed anew' END);
        ELSIF was = is_now AND OLD.public = NEW.public AND OLD.mac IS NOT DISTINCT FROM NEW.mac THEN
            RETURN NULL;
        END IF;
    END IF;
    PERFORM issuer.audit_change('keys', actor, jsonb_strip_nulls(jsonb_build_object('before', was, 'after', is_now)));
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- The history of roles says all of it; a record leads there. What people have
-- written is left out here: it may be about somebody by name. The state moves on
-- once for all changes of a statement, and so they are recorded at once.
-- +goose StatementBegin
CREATE FUNCTION issuer.on_role_records() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    hidden text[] := ARRAY['session', 'reason', 'created_by', 'created_at'];
BEGIN
    INSERT INTO issuer.audit (id, at, kind, actor, login, address, details)
    SELECT gen_random_uuid(), h.at, 'roles', h.actor, h.login, h.address, jsonb_strip_nulls(jsonb_build_object(
        'number', h.number, 'of', h.kind, 'before', h.before::jsonb - hidden, 'after', h.after::jsonb - hidden))
    FROM issuer.role_history AS h WHERE h.number > OLD.version AND h.number <= NEW.version;
    RETURN NULL;
END $$;
-- +goose StatementEnd

REVOKE ALL ON FUNCTION issuer.audit_change(text, text, jsonb), issuer.on_keys_change(), issuer.on_role_records(), issuer.audit_months(integer) FROM PUBLIC;

CREATE TRIGGER keys_changed AFTER INSERT OR UPDATE OR DELETE ON issuer.keys
    FOR EACH ROW EXECUTE FUNCTION issuer.on_keys_change();
CREATE TRIGGER recorded AFTER UPDATE ON issuer.role_state
    FOR EACH ROW WHEN (NEW.version > OLD.version) EXECUTE FUNCTION issuer.on_role_records();
