-- From when on it is noted when people last signed in: who is not seen since then may have
-- been seen before.
-- +goose Up
INSERT INTO instance (name, value) VALUES ('last sign-ins since', CAST(CAST(unixepoch('subsec') * 1000000 AS INTEGER) AS TEXT));

-- +goose Down
DELETE FROM instance WHERE name = 'last sign-ins since';
