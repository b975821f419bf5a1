-- Which accounts changed, in the order of their commits, for who follows them:
-- the number of an account's newest change, also when the account is gone. The
-- counter's row lock makes the order of the numbers that of the commits.
-- +goose Up
CREATE TABLE change_counters (
    name TEXT   NOT NULL PRIMARY KEY,
    last BIGINT NOT NULL
);
INSERT INTO change_counters (name, last) SELECT 'users', COUNT(*) FROM users;

CREATE TABLE user_changes (
    user_id TEXT   NOT NULL PRIMARY KEY,
    change  BIGINT NOT NULL
);
INSERT INTO user_changes (user_id, change) SELECT id, ROW_NUMBER() OVER (ORDER BY created_at, id) FROM users;
CREATE UNIQUE INDEX user_changes_order ON user_changes (change);

-- +goose Down
DROP TABLE user_changes;
DROP TABLE change_counters;
