-- One row of facts about this instance, such as the id that its tokens carry.
-- +goose Up
CREATE TABLE instance (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- +goose Down
DROP TABLE instance;
