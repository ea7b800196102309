-- Which root fields a role owns decides what its holders may do by
-- /v1/authenticate, and so it is on record as grants are. So is a table of keys
-- that is emptied at once.

-- +goose Up
-- One record for all fields of a role that a statement added, and one for those
-- that it took away.
-- +goose StatementBegin
CREATE FUNCTION issuer.on_fields_records() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    actor text := coalesce(nullif(left(current_setting('issuer.actor', true), 1024), ''), 'sql');
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        PERFORM issuer.audit_change('roles', actor, jsonb_build_object('of', 'fields', 'before',
            jsonb_build_object('role', f.role, 'fields', jsonb_agg(f.field ORDER BY f.field))))
        FROM issuer.mapped_fields AS f GROUP BY f.role;
    END IF;
    IF TG_OP IN ('UPDATE', 'DELETE') THEN
        PERFORM issuer.audit_change('roles', actor, jsonb_build_object('of', 'fields', 'before',
            jsonb_build_object('role', f.role, 'fields', jsonb_agg(f.field ORDER BY f.field))))
        FROM rows_old AS f GROUP BY f.role;
    END IF;
    IF TG_OP IN ('INSERT', 'UPDATE') THEN
        PERFORM issuer.audit_change('roles', actor, jsonb_build_object('of', 'fields', 'after',
            jsonb_build_object('role', f.role, 'fields', jsonb_agg(f.field ORDER BY f.field))))
        FROM rows_new AS f GROUP BY f.role;
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION issuer.on_keys_truncate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    actor  text := coalesce(nullif(left(current_setting('issuer.actor', true), 1024), ''), 'sql');
    hidden text[] := ARRAY['private', 'public', 'mac', 'created_at'];
BEGIN
    PERFORM issuer.audit_change('keys', actor, jsonb_strip_nulls(jsonb_build_object('before', to_jsonb(k) - hidden)))
    FROM issuer.keys AS k;
    RETURN NULL;
END $$;
-- +goose StatementEnd

REVOKE ALL ON FUNCTION issuer.on_fields_records(), issuer.on_keys_truncate() FROM PUBLIC;

CREATE TRIGGER recorded_insert AFTER INSERT ON issuer.mapped_fields
    REFERENCING NEW TABLE AS rows_new FOR EACH STATEMENT EXECUTE FUNCTION issuer.on_fields_records();
CREATE TRIGGER recorded_update AFTER UPDATE ON issuer.mapped_fields
    REFERENCING OLD TABLE AS rows_old NEW TABLE AS rows_new FOR EACH STATEMENT EXECUTE FUNCTION issuer.on_fields_records();
CREATE TRIGGER recorded_delete AFTER DELETE ON issuer.mapped_fields
    REFERENCING OLD TABLE AS rows_old FOR EACH STATEMENT EXECUTE FUNCTION issuer.on_fields_records();
CREATE TRIGGER recorded_truncate BEFORE TRUNCATE ON issuer.mapped_fields -- afterwards the rows are gone
    FOR EACH STATEMENT EXECUTE FUNCTION issuer.on_fields_records();
CREATE TRIGGER keys_truncated BEFORE TRUNCATE ON issuer.keys
    FOR EACH STATEMENT EXECUTE FUNCTION issuer.on_keys_truncate();
