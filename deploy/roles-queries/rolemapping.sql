-- The four tables of the role mapper that this program replaces (schema rolemapping), once their principals are object
-- ids: user_roles."user" holds 'user:<object id>', group_roles."group" holds 'group:<object id>'. Those tables know no
-- tenants, so this is for one tenant alone: put its id in the place of the zeros.
SELECT role_id AS role FROM rolemapping.user_roles
WHERE @tenant::text = '00000000-0000-0000-0000-000000000000' AND "user" = 'user:' || @subject::text
UNION
SELECT role_id FROM rolemapping.group_roles
WHERE @tenant::text = '00000000-0000-0000-0000-000000000000' AND "group" = ANY (SELECT 'group:' || id FROM unnest(@groups::text[]) AS id)
