-- Which root fields of GraphQL a role owns, and whom its provisioner lists as
-- holders. What a holder may do stands in issuer.grants, like everybody's; here
-- stands under which name they were listed, and what came of it.

-- +goose Up
CREATE TABLE issuer.mapped_roles (
    role       text        COLLATE "C" PRIMARY KEY,
    component  text        COLLATE "C" NOT NULL UNIQUE, -- what it belongs to, as its provisioner says it
    changed_by text        NOT NULL DEFAULT session_user,
    changed_at timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT mapped_roles_role_is_well_formed CHECK (role ~ '^[A-Za-z_][A-Za-z0-9_.-]{0,127}$'),
    CONSTRAINT mapped_roles_component_is_one_line
        CHECK (component <> '' AND component !~ '[[:cntrl:]]' AND octet_length(component) <= 1024)
);

CREATE TABLE issuer.mapped_fields (
    role  text COLLATE "C" NOT NULL REFERENCES issuer.mapped_roles ON DELETE CASCADE,
    field text COLLATE "C" NOT NULL,

    PRIMARY KEY (role, field),
    CONSTRAINT mapped_fields_field_is_a_name CHECK (field ~ '^[_A-Za-z][_0-9A-Za-z]{0,254}$')
);

-- A name that nobody could be found by has no principal, and gives nothing.
CREATE TABLE issuer.mapped_holders (
    tenant         uuid        NOT NULL,
    role           text        COLLATE "C" NOT NULL REFERENCES issuer.mapped_roles ON DELETE CASCADE,
    principal_kind text        COLLATE "C" NOT NULL,
    name           text        COLLATE "C" NOT NULL,
    principal      text        COLLATE "C",
    unresolved     text        NOT NULL DEFAULT '', -- why there is no principal
    changed_at     timestamptz NOT NULL DEFAULT now(),

    PRIMARY KEY (tenant, role, principal_kind, name),
    CONSTRAINT mapped_holders_kind_is_known CHECK (principal_kind IN ('user', 'group')),
    CONSTRAINT mapped_holders_name_is_one_line
        CHECK (name <> '' AND name !~ '[[:cntrl:]]' AND octet_length(name) <= 1024),
    CONSTRAINT mapped_holders_principal_is_an_id CHECK (
        principal ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'),
    CONSTRAINT mapped_holders_is_resolved_or_says_why CHECK ((principal IS NULL) = (unresolved <> ''))
);

-- What a reader compares before it reads all fields again.
CREATE TABLE issuer.mapped_state (
    only_row boolean PRIMARY KEY DEFAULT true,
    version  bigint  NOT NULL DEFAULT 0,

    CONSTRAINT mapped_state_has_one_row CHECK (only_row)
);

INSERT INTO issuer.mapped_state DEFAULT VALUES;

-- +goose StatementBegin
CREATE FUNCTION issuer.on_mapped_fields_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE issuer.mapped_state SET version = version + 1;
    PERFORM pg_notify('issuer_mapped_roles', '');
    RETURN NULL;
END $$;
-- +goose StatementEnd

REVOKE ALL ON FUNCTION issuer.on_mapped_fields_change() FROM PUBLIC;

CREATE TRIGGER fields_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON issuer.mapped_fields
    FOR EACH STATEMENT EXECUTE FUNCTION issuer.on_mapped_fields_change();
