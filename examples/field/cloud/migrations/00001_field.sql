-- What the field app's cloud keeps, written once for both engines. Times are
-- microseconds since 1970 UTC and 0 where there is none. The jobs are beside it, in
-- tables of their own. No token is here.

-- +goose Up

-- A command of a device: what came, and what became of it.
CREATE TABLE commands (
    user_id     TEXT   NOT NULL,
    id          TEXT   NOT NULL, -- the Idempotency-Key
    device      TEXT   NOT NULL,
    seq         BIGINT NOT NULL,
    visit       TEXT   NOT NULL,
    type        TEXT   NOT NULL,
    login       TEXT   NOT NULL,
    base        BIGINT NOT NULL,
    done_at     BIGINT NOT NULL, -- by the device's clock, put right by its skew
    sha256      TEXT   NOT NULL, -- of the request's body
    body        TEXT   NOT NULL, -- JSON
    evidence    TEXT   NOT NULL, -- JSON: for whom it is booked, without a token
    state       TEXT   NOT NULL, -- accepted, or final: done, conflict, not_yours, refused
    answer      TEXT   NOT NULL, -- JSON of the final answer
    note        TEXT   NOT NULL, -- why it is not booked yet
    tries       BIGINT NOT NULL, -- in a row that failed
    due_at      BIGINT NOT NULL, -- when to try again
    received_at BIGINT NOT NULL,
    final_at    BIGINT NOT NULL,
    PRIMARY KEY (user_id, id)
);
CREATE UNIQUE INDEX commands_in_order ON commands (user_id, device, seq);
CREATE INDEX commands_open ON commands (user_id, visit, received_at) WHERE state = 'accepted';
CREATE INDEX commands_final ON commands (final_at);

-- The devices of people, and how far each has come.
CREATE TABLE devices (
    user_id        TEXT   NOT NULL,
    device         TEXT   NOT NULL,
    login          TEXT   NOT NULL,
    user_name      TEXT   NOT NULL,
    name           TEXT   NOT NULL,
    last_seq       BIGINT NOT NULL,
    waiting        BIGINT NOT NULL,
    storage_used   BIGINT NOT NULL,
    storage_quota  BIGINT NOT NULL,
    last_seen      BIGINT NOT NULL,
    wipe_asked_at  BIGINT NOT NULL,
    wipe_asked_by  TEXT   NOT NULL,
    gone           BOOLEAN NOT NULL, -- it has deleted what it had, and is not listed until it comes again
    PRIMARY KEY (user_id, device)
);

-- The versions of a visit that a device has made in a row, by nobody else's change
-- interrupted: from root to version.
CREATE TABLE chains (
    visit      TEXT   NOT NULL,
    user_id    TEXT   NOT NULL,
    device     TEXT   NOT NULL,
    root       BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (visit, user_id, device)
);

-- The copy of visits.
CREATE TABLE visits (
    id          TEXT   NOT NULL PRIMARY KEY,
    responsible TEXT   NOT NULL, -- the Person
    day         TEXT   NOT NULL, -- 2006-01-02
    version     BIGINT NOT NULL,
    content     TEXT   NOT NULL, -- JSON
    changed_at  BIGINT NOT NULL
);
CREATE INDEX visits_of ON visits (responsible, day);
CREATE INDEX visits_by_day ON visits (day);

-- What was pulled up to when.
CREATE TABLE watermarks (
    name      TEXT   NOT NULL PRIMARY KEY,
    at        BIGINT NOT NULL,
    full_at   BIGINT NOT NULL,
    synced_at BIGINT NOT NULL,
    content   TEXT   NOT NULL
);
