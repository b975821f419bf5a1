-- API sessions and the licence slots they hold.
-- +goose Up
CREATE TABLE licence (
    id      BIGINT NOT NULL PRIMARY KEY,
    layout  TEXT   NOT NULL, -- JSON of the licence last started with; '' before the first
    changes BIGINT NOT NULL  -- counts endings; taking its row lock orders openings and endings
);
INSERT INTO licence (id, layout, changes) VALUES (1, '', 0);

CREATE TABLE sessions (
    id                  TEXT    NOT NULL PRIMARY KEY,
    session_key         TEXT    NOT NULL,
    kind                TEXT    NOT NULL,
    user_login          TEXT    NOT NULL,
    user_id             TEXT    NOT NULL,
    application_uri     TEXT    NOT NULL,
    service_instance    TEXT    NOT NULL,
    slot                BIGINT  NOT NULL,
    reserved            BOOLEAN NOT NULL,
    remote_addr         TEXT    NOT NULL, -- where it was opened from
    multiplexed         BOOLEAN NOT NULL, -- used from elsewhere too, and recorded so
    opened_at           BIGINT  NOT NULL,
    last_request_at     BIGINT  NOT NULL,
    absolute_expires_at BIGINT  NOT NULL, -- 0: none
    expires_at          BIGINT  NOT NULL, -- the earlier of idle and absolute expiry
    requests            BIGINT  NOT NULL,
    ended_at            BIGINT  NOT NULL, -- 0: open
    end_reason          TEXT    NOT NULL,
    ended_change        BIGINT  NOT NULL  -- licence.changes when it ended
);
-- The two rules that no code can break: a slot is held once, a key is open once.
CREATE UNIQUE INDEX sessions_open_slot ON sessions (slot) WHERE ended_at = 0;
CREATE UNIQUE INDEX sessions_open_key ON sessions (session_key) WHERE ended_at = 0;
CREATE INDEX sessions_expiry ON sessions (expires_at) WHERE ended_at = 0;
CREATE INDEX sessions_history ON sessions (session_key, opened_at);
CREATE INDEX sessions_ended ON sessions (ended_change);

-- +goose Down
DROP TABLE sessions;
DROP TABLE licence;
