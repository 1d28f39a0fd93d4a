package sqlite

// SweepTokens is the statement that deletes the tokens of sessions that are over.
const SweepTokens = sweepTokens
