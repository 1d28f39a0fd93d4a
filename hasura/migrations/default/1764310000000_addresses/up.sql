-- The database holds an address to its one form, whoever writes it, and forgets
-- what was known of an address when an application gives a user another one.
-- Idempotent, as the migrations before. Rows that are there stay as they are until
-- `users normalize` brings them to the form: SQL cannot do IDNA.

CREATE OR REPLACE FUNCTION public.users_form() RETURNS trigger
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
  -- The characters that login.hidden refuses, but for those that no version of
  -- Unicode has named yet: the two sides may know different versions.
  hidden CONSTANT text := '[\u0001-\u001f\u007f-\u009f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890-\u0891\u08e2'
    '\u115f-\u1160\u17b4-\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ue000-\uf8ff'
    '\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U000110bd\U000110cd\U00013430-\U0001343f'
    '\U00013441-\U00013442\U00016fe4\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a\U0001fffe-\U0001ffff'
    '\U0002fffe-\U0002ffff\U0003fffe-\U0010ffff]';
  mailbox text := split_part(NEW.email, '@', 1);
  domain  text := split_part(NEW.email, '@', 2);
BEGIN
  IF TG_OP = 'INSERT' OR NEW.email IS DISTINCT FROM OLD.email THEN
    IF octet_length(mailbox) NOT BETWEEN 1 AND 64
      OR mailbox ~ '^[.]|[.]$|[.][.]|[](),:;<>["\\]'
      OR mailbox ~ hidden
      OR mailbox IS NOT NFC NORMALIZED
      OR NEW.email <> mailbox || '@' || domain
      OR domain !~ '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'
      OR domain ~ '[.](0x[0-9a-f]*|[0-9]+)$'
    THEN
      RAISE EXCEPTION 'the e-mail address is not in its one form'
        USING ERRCODE = 'check_violation', SCHEMA = 'public', TABLE = 'users', CONSTRAINT = 'users_email_form',
          HINT = 'Lower case, NFC, the domain as A-labels (xn--…), no character that cannot be seen.';
    END IF;
  END IF;
  IF TG_OP = 'INSERT' OR NEW.name IS DISTINCT FROM OLD.name THEN
    NEW.name := normalize(NEW.name, NFC);
    IF NEW.name ~ hidden THEN
      RAISE EXCEPTION 'the name holds a character that cannot be seen'
        USING ERRCODE = 'check_violation', SCHEMA = 'public', TABLE = 'users', CONSTRAINT = 'users_name_form';
    END IF;
  END IF;
  RETURN NEW;
END
$$;

DROP TRIGGER IF EXISTS users_form ON public.users;
CREATE TRIGGER users_form BEFORE INSERT OR UPDATE OF email, name ON public.users
  FOR EACH ROW EXECUTE FUNCTION public.users_form();

-- Everything that speaks of the address a user had: a column that comes later and
-- does so is cleared here too. The links are void that were sent to it, or for it.
-- Login is told by its role alone: it does what is right itself, and a superuser,
-- a member of every role, is not login. SECURITY DEFINER: who may change an
-- address has no right to auth.accounts.
CREATE OR REPLACE FUNCTION auth.address_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
  IF session_user = 'hasura_login' OR EXISTS (
    SELECT FROM pg_catalog.pg_auth_members m
    JOIN pg_catalog.pg_roles login ON login.oid = m.roleid
    JOIN pg_catalog.pg_roles caller ON caller.oid = m.member
    WHERE login.rolname = 'hasura_login' AND caller.rolname = session_user
      -- From version 16 on, who makes a role is a member of it without its rights.
      AND COALESCE((to_jsonb(m) ->> 'inherit_option')::boolean, true)
  ) THEN
    RETURN NULL;
  END IF;
  UPDATE auth.accounts SET email_verified_at = NULL WHERE user_id = NEW.id AND email_verified_at IS NOT NULL;
  DELETE FROM auth.mail_tokens WHERE user_id = NEW.id AND spent_at IS NULL;
  RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION auth.address_changed() FROM PUBLIC;

DROP TRIGGER IF EXISTS users_address_changed ON public.users;
CREATE TRIGGER users_address_changed AFTER UPDATE OF email ON public.users
  FOR EACH ROW WHEN (OLD.email IS DISTINCT FROM NEW.email) EXECUTE FUNCTION auth.address_changed();
