-- What vouches for the rows of the ring, and who has seen them.

-- +goose Up
ALTER TABLE issuer.keys
    -- A keyed hash over the row (id of the key-encryption key, dot, base64url).
    ADD COLUMN mac text NOT NULL DEFAULT '';

ALTER TABLE issuer.ring
    -- The version at which an operator last took the ring over as it is.
    ADD COLUMN adoption bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT ring_adoption_is_not_ahead CHECK (adoption BETWEEN 0 AND version);

-- Who holds which ring: replicas as they adopt it, relying parties as they
-- fetch it. Nothing is decided by it but whether to warn or to wait.
CREATE TABLE issuer.witnesses (
    kind       text        COLLATE "C" NOT NULL,
    name       text        COLLATE "C" NOT NULL,
    generation bigint      NOT NULL, -- the newest one it holds
    version    bigint      NOT NULL, -- of the ring it holds
    alarm      text        NOT NULL DEFAULT '', -- why a replica does not follow this store
    seen_at    timestamptz NOT NULL,

    PRIMARY KEY (kind, name),
    CONSTRAINT witnesses_kind_is_known CHECK (kind IN ('replica', 'relying_party')),
    CONSTRAINT witnesses_name_is_short CHECK (length(name) BETWEEN 1 AND 128),
    CONSTRAINT witnesses_alarm_is_short CHECK (length(alarm) <= 500),
    CONSTRAINT witnesses_count_up CHECK (generation >= 0 AND version >= 0),
    CONSTRAINT witnesses_seen_at_is_finite CHECK (isfinite(seen_at))
);
