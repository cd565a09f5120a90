-- Lacuna, schema version 2: `store` says to which log its last commit belongs. The table is made anew, not altered: so
-- its text in the schema is the one below, whichever version of SQLite migrates it.

CREATE TEMP TABLE store_before AS SELECT * FROM store;

DROP TABLE store;

CREATE TABLE store (
    singleton       INTEGER PRIMARY KEY CHECK (singleton = 1),
    uuid            TEXT    NOT NULL CHECK (length(uuid) = 36),
    dimension       INTEGER NOT NULL CHECK (dimension BETWEEN 1 AND 65536),
    element         TEXT    NOT NULL CHECK (element = 'float32'),
    metric          TEXT    NOT NULL CHECK (metric IN ('cosine', 'dot', 'euclidean')),
    id_kind         TEXT    NOT NULL CHECK (id_kind IN ('integer', 'text', 'uuid')),
    generation      INTEGER NOT NULL CHECK (generation >= 1),
    next_generation INTEGER NOT NULL CHECK (next_generation > generation),
    data_file       TEXT    NOT NULL,
    next_offset     INTEGER NOT NULL CHECK (next_offset >= 4096),
    commit_sequence INTEGER NOT NULL CHECK (commit_sequence >= 0),
    reader_epoch    INTEGER NOT NULL CHECK (reader_epoch >= 0),
    live_rows       INTEGER NOT NULL CHECK (live_rows >= 0),
    log_base        INTEGER NOT NULL CHECK (log_base BETWEEN 0 AND commit_sequence),
    log_token       INTEGER NOT NULL CHECK (log_token BETWEEN 0 AND 4294967295)
) STRICT;

INSERT INTO store
SELECT singleton, uuid, dimension, element, metric, id_kind, generation, next_generation, data_file, next_offset,
       commit_sequence, reader_epoch, live_rows, 0, 0
FROM store_before;

DROP TABLE store_before;
