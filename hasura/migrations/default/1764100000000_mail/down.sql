-- Takes the mails that are not sent yet with it: only for development.
DROP TABLE IF EXISTS auth.outbox, auth.mail_tokens;
