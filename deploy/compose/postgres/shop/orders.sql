-- The table of the demo. Which rows and columns a role sees is Hasura's business: deploy/hasura/v2/metadata.
CREATE TABLE public.orders (
    id integer PRIMARY KEY,
    region text NOT NULL,
    owner uuid NOT NULL, -- the object id of an Entra user
    total numeric(10, 2) NOT NULL,
    note text NOT NULL DEFAULT ''
);
-- The owners are personas of the fake tenant: reader and editor.
INSERT INTO public.orders (id, region, owner, total, note) VALUES
    (1, 'eu', '11d3e5f7-2a4c-46e8-90b2-d4f6a8c0e101', 12.50, 'call before delivery'),
    (2, 'us', '66c8dae0-7f91-4bd3-a507-b9ecfd053606', 99.00, ''),
    (3, 'apac', '11d3e5f7-2a4c-46e8-90b2-d4f6a8c0e101', 7.25, 'a gift'),
    (4, 'apac', '66c8dae0-7f91-4bd3-a507-b9ecfd053606', 310.00, '');
-- What Hasura's account may do: no more than its permissions give away.
GRANT USAGE ON SCHEMA public TO hasura_shop;
GRANT SELECT ON public.orders TO hasura_shop;
GRANT UPDATE (note) ON public.orders TO hasura_shop;
-- Hasura v2 keeps event triggers and functions of its own in a schema of this name, and wants it to be there.
CREATE SCHEMA hdb_catalog AUTHORIZATION hasura_shop;
