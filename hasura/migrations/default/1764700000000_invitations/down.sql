DROP TABLE IF EXISTS auth.invitations;
