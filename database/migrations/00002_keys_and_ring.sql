-- The ring of signing keys.

-- +goose Up
CREATE TABLE issuer.keys (
    generation       bigint      PRIMARY KEY,
    kid              text        COLLATE "C" NOT NULL UNIQUE,
    alg              text        NOT NULL,
    public           jsonb       NOT NULL,
    private          text,       -- a compact JWE; NULL once wiped
    published_at     timestamptz NOT NULL,
    signs_from       timestamptz NOT NULL,
    revoked_at       timestamptz,
    reason           text        NOT NULL DEFAULT '',
    -- The largest values any replica has used with this key, in seconds.
    promised_ttl     integer     NOT NULL DEFAULT 0,
    promised_max_age integer     NOT NULL DEFAULT 0,
    promised_cdn_ttl integer     NOT NULL DEFAULT 0,
    promised_stale   integer     NOT NULL DEFAULT 0,
    created_at       timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT keys_generation_counts_from_one CHECK (generation > 0),
    CONSTRAINT keys_kid_is_well_formed CHECK (kid ~ '^[A-Za-z0-9_-]{1,128}$'),
    CONSTRAINT keys_alg_is_known CHECK (alg IN ('ES256', 'RS256', 'EdDSA')),

    -- Whatever goes wrong in the program, a private half can neither be served
    -- from this column nor lie unsealed in the next one.
    CONSTRAINT keys_public_is_a_public_jwk CHECK (jsonb_typeof(public) = 'object'
        AND NOT public ?| ARRAY['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']),
    CONSTRAINT keys_private_is_sealed
        CHECK (private ~ '^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*){4}$'),

    CONSTRAINT keys_dates_are_finite CHECK (isfinite(published_at)
        AND isfinite(signs_from) AND isfinite(revoked_at)),
    CONSTRAINT keys_are_published_before_they_sign CHECK (published_at <= signs_from),
    CONSTRAINT keys_promises_are_not_negative CHECK (promised_ttl >= 0
        AND promised_max_age >= 0 AND promised_cdn_ttl >= 0 AND promised_stale >= 0)
);

-- One row, here from the start: founded_at is NULL until the first ring is
-- made, and then stays. SELECT … FOR UPDATE of it is the lock of every change.
CREATE TABLE issuer.ring (
    only_row   boolean     PRIMARY KEY DEFAULT true,
    founded_at timestamptz,
    version    bigint      NOT NULL DEFAULT 0,

    CONSTRAINT ring_has_one_row CHECK (only_row),
    CONSTRAINT ring_founded_at_is_finite CHECK (isfinite(founded_at)),
    CONSTRAINT ring_version_is_not_negative CHECK (version >= 0)
);

INSERT INTO issuer.ring DEFAULT VALUES;
