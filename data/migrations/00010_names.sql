-- Every name that a token may call somebody by: the login of a user, the
-- ApplicationURI of an application. One table, so that the schema itself keeps
-- a user from ever having an application's name (invariant I7).
-- +goose Up
CREATE TABLE principal_names (
    name TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL
);

-- +goose Down
DROP TABLE principal_names;
