-- Addresses in any form are taken again, and stay verified when they change.
DROP TRIGGER IF EXISTS users_address_changed ON public.users;
DROP TRIGGER IF EXISTS users_form ON public.users;
DROP FUNCTION IF EXISTS auth.address_changed();
DROP FUNCTION IF EXISTS public.users_form();
