DROP TABLE IF EXISTS auth.spent_challenges, auth.passkeys, auth.user_handles;
