-- Tables that Hasura tracks, so that people change roles by GraphQL:
--   CREATE TABLE roles (role text PRIMARY KEY, rank integer NOT NULL DEFAULT 0);
--   CREATE TABLE members (tenant uuid, object_id uuid, role text REFERENCES roles, ends_at timestamptz, PRIMARY KEY (tenant, object_id, role));
--   CREATE TABLE teams (tenant uuid, group_id uuid, role text REFERENCES roles, regions text[] NOT NULL DEFAULT '{}', PRIMARY KEY (tenant, group_id, role));
-- A role that ends within the life of a token ends the token.
SELECT m.role, r.rank AS priority, NULL::jsonb AS session, m.ends_at AS until
FROM public.members m JOIN public.roles r USING (role)
WHERE m.tenant = @tenant::uuid AND m.object_id = @subject::uuid AND (m.ends_at IS NULL OR m.ends_at > @now)
UNION ALL
SELECT t.role, r.rank, jsonb_build_object('x-hasura-regions', t.regions), NULL
FROM public.teams t JOIN public.roles r USING (role)
WHERE t.tenant = @tenant::uuid AND t.group_id = ANY (@groups::uuid[])
