-- The sign-ins of a person are found also when they have ended.
-- +goose Up
CREATE INDEX sign_ins_user ON sign_ins (user_id);

-- +goose Down
DROP INDEX sign_ins_user;
