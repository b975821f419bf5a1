-- The number of the last batch. Batches are deleted after their time, and what has the number
-- of one, such as links to it and a rollback of it, is of no other.

-- +goose Up
CREATE TABLE batch_numbers (last BIGINT NOT NULL);
INSERT INTO batch_numbers (last) SELECT CASE WHEN COALESCE(MAX(id), 0) > COALESCE(MAX(parent), 0) THEN MAX(id) ELSE COALESCE(MAX(parent), 0) END FROM batches;

-- +goose Down
DROP TABLE batch_numbers;
