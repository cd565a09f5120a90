-- Lacuna, schema version 1. Every table and column is explained in docs/format.md.
-- application_id, user_version and auto_vacuum are set by the code that runs this script.

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
    live_rows       INTEGER NOT NULL CHECK (live_rows >= 0)
) STRICT;

CREATE TABLE vectors (
    generation INTEGER NOT NULL,
    id         ANY     NOT NULL CHECK (typeof(id) IN ('integer', 'text')),
    offset     INTEGER NOT NULL CHECK (offset >= 4096),
    checksum   INTEGER NOT NULL,
    PRIMARY KEY (generation, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE metadata (
    id       ANY     NOT NULL PRIMARY KEY CHECK (typeof(id) IN ('integer', 'text')),
    json     TEXT    NOT NULL,
    checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE compaction_journal (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    strategy          TEXT    NOT NULL CHECK (strategy IN ('rewrite', 'in-place', 'punch', 'erase')),
    state             TEXT    NOT NULL CHECK (state IN
                          ('copying', 'moving', 'punching', 'erasing', 'committed', 'finished', 'aborted')),
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

-- The rows of the current generation: what lives where.
CREATE VIEW vector_index AS
SELECT v.id AS id,
       (v.offset - 4096) / (4 * s.dimension) AS slot,
       v.offset AS byte_offset,
       4 * s.dimension AS byte_length,
       v.checksum AS checksum
FROM vectors AS v
JOIN store AS s ON v.generation = s.generation;

-- Maximal runs of dead rows below the next offset.
CREATE VIEW dead_ranges AS
WITH live (byte_offset, row_bytes) AS (
    SELECT byte_offset, byte_length FROM vector_index
    UNION ALL
    SELECT next_offset, 0 FROM store
), gaps (byte_offset, byte_end, row_bytes) AS (
    SELECT lag(byte_offset + row_bytes, 1, 4096) OVER (ORDER BY byte_offset), byte_offset,
           (SELECT 4 * dimension FROM store)
    FROM live
)
SELECT (byte_offset - 4096) / row_bytes AS first_slot,
       (byte_end - byte_offset) / row_bytes AS dead_rows,
       byte_offset,
       byte_end - byte_offset AS dead_bytes
FROM gaps
WHERE byte_end > byte_offset;

-- How much of the data file is in use.
CREATE VIEW space AS
WITH counts (live_rows, rows, row_bytes, next_offset, data_file) AS (
    SELECT (SELECT count(*) FROM vectors AS v WHERE v.generation = s.generation),
           (s.next_offset - 4096) / (4 * s.dimension), 4 * s.dimension, s.next_offset, s.data_file
    FROM store AS s
)
SELECT data_file,
       live_rows,
       rows - live_rows AS dead_rows,
       live_rows * row_bytes AS live_bytes,
       (rows - live_rows) * row_bytes AS dead_bytes,
       next_offset,
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
