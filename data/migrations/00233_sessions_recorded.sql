-- Whether it is known that the opening of a session is on record. Sessions of versions before
-- are taken to be: whoever opened them could not say.
-- +goose Up
ALTER TABLE sessions ADD COLUMN recorded BOOLEAN NOT NULL DEFAULT TRUE;

-- +goose Down
ALTER TABLE sessions DROP COLUMN recorded;
