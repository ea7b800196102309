-- A table of users with a column for their one role:
--   CREATE TABLE users (tenant uuid, id uuid, role text, organisation integer, disabled boolean NOT NULL DEFAULT false, PRIMARY KEY (tenant, id));
-- where id is the user's object id in Entra. Programs that call for themselves get nothing.
SELECT role, jsonb_build_object('x-hasura-org-id', organisation::text) AS session
FROM public.users
WHERE tenant = @tenant::uuid AND id = @subject::uuid AND @kind::text = 'user' AND NOT disabled AND role IS NOT NULL
