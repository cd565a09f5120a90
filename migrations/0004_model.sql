-- Lacuna, schema version 4: the index may say which model made the vectors, and what a re-embedding under way has done.
-- Every table and column is explained in docs/format.md.

CREATE TABLE model (
    singleton  INTEGER PRIMARY KEY CHECK (singleton = 1),
    name       TEXT    NOT NULL,
    version    TEXT,
    normalized INTEGER
) STRICT;

CREATE TABLE reembedding (
    singleton        INTEGER PRIMARY KEY CHECK (singleton = 1),
    generation       INTEGER NOT NULL CHECK (generation >= 1),
    dimension        INTEGER NOT NULL,
    next_slot        INTEGER NOT NULL CHECK (next_slot >= 0),
    live_rows        INTEGER NOT NULL CHECK (live_rows BETWEEN 0 AND next_slot),
    model_name       TEXT,
    model_version    TEXT,
    model_normalized INTEGER
) STRICT;
