-- Lacuna, schema version 5: what belongs to a text index, which is the virtual table metadata_words. Every table and
-- column is explained in docs/format.md.

CREATE TABLE text_index (
    singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
    is_stale  INTEGER NOT NULL CHECK (is_stale IN (0, 1))
) STRICT;

CREATE TABLE text_ids (
    number INTEGER PRIMARY KEY,
    id     TEXT    NOT NULL UNIQUE
) STRICT;
