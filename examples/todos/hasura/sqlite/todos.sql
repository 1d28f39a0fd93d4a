-- The table of migrations/default for the SQLite of "go run ./dev".
CREATE TABLE IF NOT EXISTS todos (
  id         TEXT    PRIMARY KEY NOT NULL DEFAULT (lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-8' || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))),
  user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  text       TEXT    NOT NULL CHECK (length(text) BETWEEN 1 AND 200),
  done       BOOLEAN NOT NULL DEFAULT false,
  created_at TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000+00:00')
);
CREATE INDEX IF NOT EXISTS todos_user_id_idx ON todos (user_id);
