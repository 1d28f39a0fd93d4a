-- Which kinds of hashes there are that other systems made: login measures what they
-- cost, so that the time of an answer does not tell their accounts. Idempotent, as
-- the migrations before. Hashes that login itself makes are not in the index, which
-- shrinks as imported ones become such.
CREATE INDEX IF NOT EXISTS accounts_imported_idx ON auth.accounts ((substring(password from
  '^[$]argon2id?[$][^$]*[$][^$]*|^[$](?:scrypt|fbscrypt|pbkdf2[^$]*)[$][^$]*|^[$][56][$](?:rounds=[0-9]+)?|^[$][PH][$].|^[$](?:wp[$])?2[by][$][0-9]+|^bcrypt_sha256[$][$]2[aby][$][0-9]+|^[$]email-bcrypt[$]')))
WHERE substring(password from
  '^[$]argon2id?[$][^$]*[$][^$]*|^[$](?:scrypt|fbscrypt|pbkdf2[^$]*)[$][^$]*|^[$][56][$](?:rounds=[0-9]+)?|^[$][PH][$].|^[$](?:wp[$])?2[by][$][0-9]+|^bcrypt_sha256[$][$]2[aby][$][0-9]+|^[$]email-bcrypt[$]') IS NOT NULL;
