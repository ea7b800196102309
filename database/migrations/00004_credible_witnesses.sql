-- What nobody may note of a holder: figures that cannot be counted on from, and
-- text that would write on a terminal.

-- +goose Up
ALTER TABLE issuer.witnesses
    ADD CONSTRAINT witnesses_counts_are_credible CHECK (generation < 9007199254740992 AND version < 9007199254740992) NOT VALID,
    ADD CONSTRAINT witnesses_text_is_plain CHECK (name !~ '[[:cntrl:]]' AND alarm !~ '[[:cntrl:]]') NOT VALID;
