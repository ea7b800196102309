-- Who may be what (grants), and who may be nothing (blocks).
--
-- Text columns sort by bytes (COLLATE "C"), so that "ties by name" and the
-- order of an export do not depend on the locale of the database.
-- The primary keys begin with (tenant, principal_kind, principal): they are
-- also the index of the one lookup an exchange makes.

-- +goose Up
CREATE TABLE issuer.grants (
    tenant         uuid        NOT NULL,
    principal_kind text        COLLATE "C" NOT NULL,
    principal      text        COLLATE "C" NOT NULL,
    role           text        COLLATE "C" NOT NULL,
    priority       integer     NOT NULL DEFAULT 0,
    session        jsonb       NOT NULL DEFAULT '{}',
    valid_from     timestamptz,
    valid_until    timestamptz,
    reason         text        NOT NULL DEFAULT '',
    created_by     text        NOT NULL DEFAULT session_user,
    created_at     timestamptz NOT NULL DEFAULT now(),

    PRIMARY KEY (tenant, principal_kind, principal, role),

    CONSTRAINT grants_kind_is_known
        CHECK (principal_kind IN ('user', 'group', 'app_role', 'app', 'everyone')),

    -- Ids of Entra are GUIDs in lower case; the value of an app role is up to
    -- 120 printable characters without a space; "everyone" needs no name.
    CONSTRAINT grants_principal_fits_its_kind CHECK (CASE principal_kind
        WHEN 'everyone' THEN principal = ''
        WHEN 'app_role' THEN principal ~ '^[!-~]{1,120}$'
        ELSE principal ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
    END),

    CONSTRAINT grants_role_is_well_formed
        CHECK (role ~ '^[A-Za-z_][A-Za-z0-9_.-]{0,127}$'),

    -- A row that is never valid is a mistake; an infinite date has no form in
    -- a token, "no end" is NULL.
    CONSTRAINT grants_from_is_before_until CHECK (valid_from < valid_until),
    CONSTRAINT grants_dates_are_finite
        CHECK (isfinite(valid_from) AND isfinite(valid_until)),

    CONSTRAINT grants_session_is_an_object CHECK (jsonb_typeof(session) = 'object'),

    -- Each variable is a string or a list of strings. In lax mode the filter
    -- looks into a list by itself, one level deep: a list in a list is caught.
    CONSTRAINT grants_session_holds_strings CHECK (jsonb_typeof(session) <> 'object'
        OR NOT jsonb_path_exists(session, 'lax $.* ? (@.type() != "string")')),

    -- These three come from the decision alone, in whatever case they are written.
    CONSTRAINT grants_session_is_not_reserved CHECK (jsonb_typeof(session) <> 'object'
        OR NOT jsonb_path_exists(session,
            '$.keyvalue() ? (@.key like_regex "^x-hasura-(role|default-role|allowed-roles)$" flag "i")'))
);

CREATE TABLE issuer.blocks (
    tenant         uuid        NOT NULL,
    principal_kind text        COLLATE "C" NOT NULL,
    principal      text        COLLATE "C" NOT NULL,
    valid_until    timestamptz,
    reason         text        NOT NULL DEFAULT '',
    created_by     text        NOT NULL DEFAULT session_user,
    created_at     timestamptz NOT NULL DEFAULT now(),

    PRIMARY KEY (tenant, principal_kind, principal),

    CONSTRAINT blocks_kind_is_known CHECK (principal_kind IN ('user', 'app')),
    CONSTRAINT blocks_principal_is_an_id CHECK (
        principal ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'),
    CONSTRAINT blocks_until_is_finite CHECK (isfinite(valid_until))
);
