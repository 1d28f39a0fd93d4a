-- The tables of hasura/migrations in SQLite's dialect. users has its times as
-- Postgres prints them in UTC, because the development stand-in for Hasura shows
-- them as they are, and so do organizations and memberships; all other times are
-- microseconds since 1970.

CREATE TABLE IF NOT EXISTS users (
  id         TEXT NOT NULL PRIMARY KEY,
  email      TEXT NOT NULL UNIQUE,
  name       TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  -- The rule of login.NormalizeEmail and of Postgres' users_email_check.
  CONSTRAINT users_email_check CHECK (
    length(CAST(email AS BLOB)) <= 254
    AND email NOT GLOB '*[A-Z]*'
    AND email GLOB '?*@?*.?*'
    AND email NOT GLOB '*@*@*'
    AND instr(CAST(email AS BLOB), x'00') = 0
    AND email NOT GLOB '*[' || char(1) || '-' || char(32) || char(127) || '-' || char(160) || char(5760)
      || char(8192) || '-' || char(8202) || char(8232) || char(8233) || char(8239) || char(8287) || char(12288) || ']*'
  ),
  CONSTRAINT users_name_check CHECK (
    length(name) BETWEEN 1 AND 200
    AND instr(CAST(name AS BLOB), x'00') = 0
    AND name NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || '-' || char(159) || ']*'
  )
) STRICT;

CREATE TRIGGER IF NOT EXISTS users_touch AFTER UPDATE OF email, name ON users
BEGIN
  UPDATE users SET updated_at = strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000+00:00' WHERE id = NEW.id;
END;

-- What Postgres' triggers of users do, as far as SQLite can say it: NFC, the length
-- of a label and numbers for a top-level domain are left to login.NormalizeEmail.
DROP VIEW IF EXISTS users_malformed;
CREATE VIEW users_malformed AS
WITH hidden (pattern) AS (SELECT '*[' || char(1) || '-' || char(31) || char(127) || '-' || char(159) || char(173) || char(847)
    || char(1536) || '-' || char(1541) || char(1564) || char(1757) || char(1807)
    || char(2192) || '-' || char(2193) || char(2274) || char(4447) || '-' || char(4448)
    || char(6068) || '-' || char(6069) || char(6155) || '-' || char(6159) || char(8203) || '-' || char(8207)
    || char(8232) || '-' || char(8238) || char(8288) || '-' || char(8303) || char(10240) || char(12644)
    || char(57344) || '-' || char(63743) || char(64976) || '-' || char(65007)
    || char(65024) || '-' || char(65039) || char(65279) || char(65440) || char(65520) || '-' || char(65535)
    || char(69821) || char(69837) || char(78896) || '-' || char(78911) || char(78913) || '-' || char(78914)
    || char(94180) || char(113824) || '-' || char(113827) || char(119129)
    || char(119155) || '-' || char(119162) || char(131070) || '-' || char(131071)
    || char(196606) || '-' || char(196607) || char(262142) || '-' || char(1114111) || ']*'),
parts AS (SELECT id, name, substr(email, 1, instr(email, '@') - 1) AS mailbox, substr(email, instr(email, '@') + 1) AS domain FROM users)
SELECT id, name GLOB pattern AS in_name,
  length(CAST(mailbox AS BLOB)) > 64 OR instr('.' || mailbox || '.', '..') > 0
    OR mailbox GLOB '*[]"(),:;<>[\]*' OR mailbox GLOB pattern
    OR domain GLOB '*[^a-z0-9.-]*' OR instr('.' || domain || '.', '..') > 0
    OR instr('.' || domain, '.-') > 0 OR instr(domain || '.', '-.') > 0 AS in_email
FROM parts, hidden;

DROP TRIGGER IF EXISTS users_form_insert;
CREATE TRIGGER users_form_insert AFTER INSERT ON users
BEGIN
  SELECT RAISE(ABORT, 'users_email_form') FROM users_malformed WHERE id = NEW.id AND in_email;
  SELECT RAISE(ABORT, 'users_name_form') FROM users_malformed WHERE id = NEW.id AND in_name;
END;

DROP TRIGGER IF EXISTS users_form_email;
CREATE TRIGGER users_form_email AFTER UPDATE OF email ON users WHEN OLD.email <> NEW.email
BEGIN
  SELECT RAISE(ABORT, 'users_email_form') FROM users_malformed WHERE id = NEW.id AND in_email;
END;

DROP TRIGGER IF EXISTS users_form_name;
CREATE TRIGGER users_form_name AFTER UPDATE OF name ON users WHEN OLD.name <> NEW.name
BEGIN
  SELECT RAISE(ABORT, 'users_name_form') FROM users_malformed WHERE id = NEW.id AND in_name;
END;

CREATE TABLE IF NOT EXISTS auth_accounts (
  user_id           TEXT    NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  password          TEXT    NOT NULL,
  roles             TEXT    NOT NULL DEFAULT '["user"]', -- JSON array of strings
  default_role      TEXT    NOT NULL DEFAULT 'user',
  claims            TEXT    NOT NULL DEFAULT '{}',       -- JSON object of strings
  session_version   INTEGER NOT NULL DEFAULT 1,
  email_verified_at INTEGER,
  disabled_at       INTEGER,
  signouts          INTEGER NOT NULL DEFAULT 0, -- raises of the version that were signing out
  unopened          INTEGER NOT NULL DEFAULT 0  -- made by a sign-up that opened no session, and none since
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS auth_sessions (
  id               TEXT    NOT NULL PRIMARY KEY,
  user_id          TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  version          INTEGER NOT NULL,
  created_at       INTEGER NOT NULL,
  last_used_at     INTEGER NOT NULL,
  idle_until       INTEGER NOT NULL,
  expires_at       INTEGER NOT NULL,
  ended_at         INTEGER,
  client_name      TEXT    NOT NULL DEFAULT '',
  client_prefix    TEXT    NOT NULL DEFAULT 'unknown',
  family_hash      BLOB,
  token_hash       BLOB,
  token_nonce      BLOB,
  parent_hash      BLOB,
  recent           BLOB,
  exchanged_at     INTEGER,
  amr              TEXT    NOT NULL DEFAULT '',
  elevated_at      INTEGER,
  origin_id        TEXT,
  authenticated_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS auth_sessions_user_id_idx ON auth_sessions (user_id);

-- The tokens of the release before, until their sessions end.
CREATE UNIQUE INDEX IF NOT EXISTS auth_sessions_family_hash_idx ON auth_sessions (family_hash);

CREATE TABLE IF NOT EXISTS auth_refresh_tokens (
  hash        BLOB    NOT NULL PRIMARY KEY,
  session_id  TEXT    NOT NULL REFERENCES auth_sessions (id) ON DELETE CASCADE,
  parent_hash BLOB    UNIQUE,
  nonce       BLOB,
  created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS auth_refresh_tokens_session_id_idx ON auth_refresh_tokens (session_id);
CREATE INDEX IF NOT EXISTS auth_refresh_tokens_nonce_idx ON auth_refresh_tokens (created_at) WHERE nonce IS NOT NULL;

CREATE TABLE IF NOT EXISTS auth_totp (
  user_id    TEXT    NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  secret     BLOB    NOT NULL,
  last_step  INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS auth_recovery_codes (
  user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  hash       BLOB    NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (user_id, hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS auth_challenges (
  hash       BLOB    NOT NULL PRIMARY KEY,
  user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  purpose    TEXT    NOT NULL,
  version    INTEGER NOT NULL,
  client     TEXT    NOT NULL,
  data       BLOB,
  tries      INTEGER NOT NULL DEFAULT 0,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS auth_challenges_user_id_idx ON auth_challenges (user_id);
CREATE INDEX IF NOT EXISTS auth_challenges_expires_at_idx ON auth_challenges (expires_at);

CREATE TABLE IF NOT EXISTS auth_identities (
  id           TEXT    NOT NULL PRIMARY KEY,
  user_id      TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  provider     TEXT    NOT NULL,
  issuer       TEXT    NOT NULL,
  subject      TEXT    NOT NULL,
  email        TEXT    NOT NULL DEFAULT '',
  created_at   INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL,
  UNIQUE (issuer, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS auth_identities_user_id_idx ON auth_identities (user_id);

CREATE TABLE IF NOT EXISTS auth_spent_flows (
  hash       BLOB    NOT NULL PRIMARY KEY,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS auth_spent_flows_expires_at_idx ON auth_spent_flows (expires_at);

CREATE TABLE IF NOT EXISTS auth_user_handles (
  user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  handle  BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS auth_passkeys (
  id              TEXT    NOT NULL PRIMARY KEY,
  user_id         TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  credential_id   BLOB    NOT NULL UNIQUE,
  public_key      BLOB    NOT NULL,
  aaguid          TEXT    NOT NULL,
  sign_count      INTEGER NOT NULL,
  backup_eligible INTEGER NOT NULL,
  backed_up       INTEGER NOT NULL,
  transports      TEXT    NOT NULL,
  name            TEXT    NOT NULL,
  created_at      INTEGER NOT NULL,
  last_used_at    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS auth_passkeys_user_id_idx ON auth_passkeys (user_id);

CREATE TABLE IF NOT EXISTS auth_spent_challenges (
  hash       BLOB    NOT NULL PRIMARY KEY,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS auth_spent_challenges_expires_at_idx ON auth_spent_challenges (expires_at);

CREATE TABLE IF NOT EXISTS auth_mail_tokens (
  hash       BLOB    NOT NULL PRIMARY KEY,
  user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  purpose    TEXT    NOT NULL,
  email      TEXT    NOT NULL,
  version    INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  slot       INTEGER NOT NULL DEFAULT 0,
  spent_at   INTEGER,
  UNIQUE (user_id, purpose, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS auth_mail_codes (
  hash        BLOB    NOT NULL PRIMARY KEY,
  purpose     TEXT    NOT NULL,
  mail_id     TEXT    NOT NULL,
  email       TEXT    NOT NULL,
  device      TEXT    NOT NULL,
  new_account INTEGER NOT NULL,
  tries       INTEGER NOT NULL DEFAULT 0,
  expires_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS auth_mail_codes_expires_at_idx ON auth_mail_codes (expires_at);

CREATE TABLE IF NOT EXISTS auth_outbox (
  id              TEXT    NOT NULL PRIMARY KEY,
  user_id         TEXT    REFERENCES users (id) ON DELETE CASCADE,
  kind            TEXT    NOT NULL,
  recipient       TEXT    NOT NULL,
  payload         TEXT    NOT NULL DEFAULT '{}', -- JSON object
  created_at      INTEGER NOT NULL,
  next_attempt_at INTEGER NOT NULL,
  attempts        INTEGER NOT NULL DEFAULT 0,
  sent_at         INTEGER,
  failed_at       INTEGER,
  locked_until    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS auth_outbox_user_id_idx ON auth_outbox (user_id);
CREATE INDEX IF NOT EXISTS auth_outbox_due_idx ON auth_outbox (next_attempt_at) WHERE sent_at IS NULL AND failed_at IS NULL;

CREATE TABLE IF NOT EXISTS auth_notices (
  user_id TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  kind    TEXT    NOT NULL,
  since   INTEGER NOT NULL,
  count   INTEGER NOT NULL,
  PRIMARY KEY (user_id, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS organizations (
  id         TEXT NOT NULL PRIMARY KEY,
  name       TEXT NOT NULL,
  created_at TEXT NOT NULL,
  CONSTRAINT organizations_name_check CHECK (
    length(name) BETWEEN 1 AND 60
    AND instr(CAST(name AS BLOB), x'00') = 0
    AND name NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || '-' || char(159) || ']*'
  )
) STRICT;

CREATE TABLE IF NOT EXISTS memberships (
  organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
  user_id         TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  role            TEXT NOT NULL,
  created_at      TEXT NOT NULL,
  PRIMARY KEY (organization_id, user_id),
  CONSTRAINT memberships_role_check CHECK (length(role) BETWEEN 1 AND 32 AND role GLOB '[a-z]*' AND role NOT GLOB '*[^a-z0-9_-]*')
) STRICT;
CREATE INDEX IF NOT EXISTS memberships_user_id_idx ON memberships (user_id);

DROP TRIGGER IF EXISTS memberships_owner_gone;
CREATE TRIGGER memberships_owner_gone AFTER DELETE ON memberships WHEN OLD.role = 'owner'
BEGIN
  SELECT RAISE(ABORT, 'memberships_owner') FROM organizations WHERE id = OLD.organization_id
    AND NOT EXISTS (SELECT 1 FROM memberships WHERE organization_id = OLD.organization_id AND role = 'owner');
END;

DROP TRIGGER IF EXISTS memberships_owner_changed;
CREATE TRIGGER memberships_owner_changed AFTER UPDATE ON memberships WHEN OLD.role = 'owner'
BEGIN
  SELECT RAISE(ABORT, 'memberships_owner') FROM organizations WHERE id = OLD.organization_id
    AND NOT EXISTS (SELECT 1 FROM memberships WHERE organization_id = OLD.organization_id AND role = 'owner');
END;

CREATE TABLE IF NOT EXISTS auth_invitations (
  id              TEXT    NOT NULL PRIMARY KEY,
  hash            BLOB    NOT NULL UNIQUE,
  email           TEXT    NOT NULL,
  organization_id TEXT    REFERENCES organizations (id) ON DELETE CASCADE,
  role            TEXT    NOT NULL DEFAULT '',
  invited_by      TEXT    REFERENCES users (id) ON DELETE CASCADE,
  created_at      INTEGER NOT NULL,
  expires_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS auth_invitations_email_idx ON auth_invitations (email, COALESCE(organization_id, ''));
CREATE INDEX IF NOT EXISTS auth_invitations_organization_id_idx ON auth_invitations (organization_id);
CREATE INDEX IF NOT EXISTS auth_invitations_invited_by_idx ON auth_invitations (invited_by);
CREATE INDEX IF NOT EXISTS auth_invitations_expires_at_idx ON auth_invitations (expires_at);

-- Claims that no token would carry; names are left to token.CheckAccount.
DROP TRIGGER IF EXISTS auth_accounts_claims;
CREATE TRIGGER auth_accounts_claims BEFORE UPDATE OF claims ON auth_accounts WHEN NEW.claims <> OLD.claims
BEGIN
  SELECT RAISE(ABORT, 'accounts_claims_check') WHERE NOT json_valid(NEW.claims) OR json_type(NEW.claims) <> 'object'
    OR EXISTS (SELECT 1 FROM json_each(NEW.claims) WHERE type <> 'text');
END;

-- Everything that speaks of the address a user had; see the migration of that name.
-- SQLite knows no roles: login sets again what it knows.
DROP TRIGGER IF EXISTS users_address_changed;
CREATE TRIGGER users_address_changed AFTER UPDATE OF email ON users WHEN OLD.email <> NEW.email
BEGIN
  UPDATE auth_accounts SET email_verified_at = NULL WHERE user_id = NEW.id;
  DELETE FROM auth_mail_tokens WHERE user_id = NEW.id AND spent_at IS NULL;
END;
