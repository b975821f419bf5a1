-- What applications have used, by day; when each thing was used first and last; and how
-- many of which events there were, by moment and by day.
-- +goose Up
CREATE TABLE uses (
    day            BIGINT NOT NULL, -- since 1970-01-01
    application_id TEXT   NOT NULL,
    flow           TEXT   NOT NULL,
    what           TEXT   NOT NULL,
    calls          BIGINT NOT NULL,
    PRIMARY KEY (day, application_id, flow, what)
);
CREATE TABLE used (
    application_id TEXT   NOT NULL,
    flow           TEXT   NOT NULL,
    what           TEXT   NOT NULL,
    first_day      BIGINT NOT NULL,
    last_day       BIGINT NOT NULL,
    PRIMARY KEY (application_id, flow, what)
);
CREATE INDEX used_last ON used (last_day);
CREATE TABLE tallies (
    span           BIGINT NOT NULL, -- seconds
    at             BIGINT NOT NULL, -- when it began
    kind           TEXT   NOT NULL,
    application_id TEXT   NOT NULL,
    flow           TEXT   NOT NULL,
    n              BIGINT NOT NULL,
    PRIMARY KEY (span, at, kind, application_id, flow)
);

-- +goose Down
DROP TABLE tallies;
DROP TABLE used;
DROP TABLE uses;
