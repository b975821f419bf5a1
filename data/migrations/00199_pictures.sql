-- The pictures that people have uploaded of themselves, as PNG in two sizes.
-- +goose Up
CREATE TABLE user_pictures (
    user_id    TEXT   NOT NULL PRIMARY KEY REFERENCES users (id),
    small      BYTEA  NOT NULL,
    large      BYTEA  NOT NULL,
    changed_at BIGINT NOT NULL
);

-- +goose Down
DROP TABLE user_pictures;
