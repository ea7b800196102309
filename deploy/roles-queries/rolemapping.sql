-- The four tables of the role mapper that this program replaces (schema rolemapping), once their principals are object
-- ids: user_roles."user" holds 'user:<object id>', group_roles."group" holds 'group:<object id>'.
SELECT role_id AS role FROM rolemapping.user_roles WHERE "user" = 'user:' || @subject::text
UNION
SELECT role_id FROM rolemapping.group_roles WHERE "group" = ANY (SELECT 'group:' || id FROM unnest(@groups::text[]) AS id)
