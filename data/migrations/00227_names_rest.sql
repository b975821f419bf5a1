-- A name that its owner gave back stays with its kind for a while: tokens that name the
-- owner live on, and nobody of another kind may be taken for it meanwhile (invariant I7).
-- +goose Up
ALTER TABLE principal_names ADD COLUMN released_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX principal_names_released ON principal_names (released_at) WHERE holders < 1;

-- +goose Down
DELETE FROM principal_names WHERE holders < 1;
DROP INDEX principal_names_released;
ALTER TABLE principal_names DROP COLUMN released_at;
