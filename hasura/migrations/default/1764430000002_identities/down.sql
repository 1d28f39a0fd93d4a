DROP TABLE IF EXISTS auth.spent_flows, auth.identities;
