-- Who holds a role: what operators ask, and no exchange does. With the principal
-- in it, the first of many holders are read without sorting all of them. Grants
-- cannot be changed while it is made (a few seconds for a million), and are
-- read meanwhile.

-- +goose Up
CREATE INDEX grants_by_role ON issuer.grants (role, tenant, principal_kind, principal);
