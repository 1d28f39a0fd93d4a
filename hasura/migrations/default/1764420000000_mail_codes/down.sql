DROP TABLE IF EXISTS auth.mail_codes;
