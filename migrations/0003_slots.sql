-- Lacuna, schema version 3: rows have slots in place of byte offsets, and the index says which id lies in each slot,
-- and which slots are dead. Every table and column is explained in docs/format.md. The tables with quoted names are the
-- large ones. In a store with rows they are made and filled beside the old tables; then the last transaction of the
-- migration runs the rest of this script, and renames them. Renaming leaves the names in quotes.

DROP VIEW IF EXISTS vector_index;
DROP VIEW IF EXISTS dead_ranges;
DROP VIEW IF EXISTS space;
DROP VIEW IF EXISTS compaction_history;

DROP TABLE vectors;

CREATE TABLE "vectors" (
    generation INTEGER NOT NULL,
    id         ANY     NOT NULL CHECK (typeof(id) IN ('integer', 'text')),
    slot       INTEGER NOT NULL CHECK (slot >= 0),
    PRIMARY KEY (generation, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE "runs" (
    place INTEGER PRIMARY KEY,
    slots INTEGER NOT NULL CHECK (slots >= 1),
    rows  BLOB    NOT NULL
) STRICT;

CREATE TABLE "dead" (
    place   INTEGER PRIMARY KEY,
    changed INTEGER NOT NULL,
    bits    BLOB    NOT NULL
) STRICT;

CREATE TABLE files (
    name       TEXT    PRIMARY KEY,
    generation INTEGER NOT NULL CHECK (generation >= 0),
    kind       TEXT    NOT NULL,
    nonce      INTEGER NOT NULL,
    covered    INTEGER NOT NULL CHECK (covered >= 0)
) STRICT, WITHOUT ROWID;

CREATE TEMP TABLE store_before AS SELECT * FROM store;

DROP TABLE store;

CREATE TABLE store (
    singleton       INTEGER PRIMARY KEY CHECK (singleton = 1),
    uuid            TEXT    NOT NULL,
    dimension       INTEGER NOT NULL,
    element         TEXT    NOT NULL,
    metric          TEXT    NOT NULL,
    id_kind         TEXT    NOT NULL,
    generation      INTEGER NOT NULL CHECK (generation >= 1),
    next_generation INTEGER NOT NULL CHECK (next_generation > generation),
    data_file       TEXT    NOT NULL,
    next_slot       INTEGER NOT NULL CHECK (next_slot >= 0),
    commit_sequence INTEGER NOT NULL CHECK (commit_sequence >= 0),
    moved           INTEGER NOT NULL CHECK (moved BETWEEN 0 AND commit_sequence),
    reader_epoch    INTEGER NOT NULL CHECK (reader_epoch >= 0),
    live_rows       INTEGER NOT NULL CHECK (live_rows >= 0),
    log_base        INTEGER NOT NULL CHECK (log_base BETWEEN 0 AND commit_sequence),
    log_token       INTEGER NOT NULL CHECK (log_token BETWEEN 0 AND 4294967295)
) STRICT;

INSERT INTO store
SELECT singleton, uuid, dimension, element, metric, id_kind, generation, next_generation, data_file,
       (next_offset - 4096) / (4 * dimension), commit_sequence, 0, reader_epoch, live_rows, log_base, log_token
FROM store_before;

DROP TABLE store_before;

CREATE TEMP TABLE journal_before AS SELECT * FROM compaction_journal;

DROP TABLE compaction_journal;

CREATE TABLE compaction_journal (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    strategy          TEXT    NOT NULL,
    state             TEXT    NOT NULL,
    source_generation INTEGER NOT NULL,
    source_file       TEXT    NOT NULL,
    target_generation INTEGER,
    target_file       TEXT,
    rows_live         INTEGER NOT NULL,
    rows_moved        INTEGER NOT NULL DEFAULT 0,
    bytes_written     INTEGER NOT NULL DEFAULT 0,
    allocated_before  INTEGER NOT NULL,
    allocated_after   INTEGER,
    started_at        TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    ended_at          TEXT,
    error             TEXT
) STRICT;

INSERT INTO compaction_journal SELECT * FROM journal_before;

DROP TABLE journal_before;

-- The rows of the current generation: what lives where.
CREATE VIEW vector_index AS
WITH layout (generation, row_bytes) AS (
    SELECT generation, CASE element WHEN 'float16' THEN 2 WHEN 'int8' THEN 1 ELSE 4 END * dimension FROM store
)
SELECT v.id AS id,
       v.slot AS slot,
       4096 + v.slot * s.row_bytes AS byte_offset,
       s.row_bytes AS byte_length
FROM vectors AS v
JOIN layout AS s ON v.generation = s.generation;

-- Maximal runs of dead rows below the next slot.
CREATE VIEW dead_ranges AS
WITH live (slot) AS (
    SELECT slot FROM vector_index
    UNION ALL
    SELECT next_slot FROM store
), gaps (first_slot, end_slot) AS (
    SELECT lag(slot + 1, 1, 0) OVER (ORDER BY slot), slot FROM live
), layout (row_bytes) AS (
    SELECT CASE element WHEN 'float16' THEN 2 WHEN 'int8' THEN 1 ELSE 4 END * dimension FROM store
)
SELECT first_slot,
       end_slot - first_slot AS dead_rows,
       4096 + first_slot * row_bytes AS byte_offset,
       (end_slot - first_slot) * row_bytes AS dead_bytes
FROM gaps, layout
WHERE end_slot > first_slot;

-- How much of the data file is in use.
CREATE VIEW space AS
WITH counts (live_rows, rows, row_bytes, data_file) AS (
    SELECT (SELECT count(*) FROM vectors AS v WHERE v.generation = s.generation),
           s.next_slot, CASE element WHEN 'float16' THEN 2 WHEN 'int8' THEN 1 ELSE 4 END * dimension, s.data_file
    FROM store AS s
)
SELECT data_file,
       live_rows,
       rows - live_rows AS dead_rows,
       live_rows * row_bytes AS live_bytes,
       (rows - live_rows) * row_bytes AS dead_bytes,
       4096 + rows * row_bytes AS next_offset,
       CASE rows WHEN 0 THEN 0.0 ELSE 1.0 - CAST(live_rows AS REAL) / rows END AS fragmentation
FROM counts;

-- Every compaction there was; one whose state is neither finished nor aborted is pending.
CREATE VIEW compaction_history AS
SELECT id, strategy, state,
       state NOT IN ('finished', 'aborted') AS pending,
       source_file, target_file, rows_live, rows_moved, bytes_written,
       allocated_before, allocated_after, allocated_before - allocated_after AS bytes_freed,
       started_at, ended_at, error
FROM compaction_journal;
