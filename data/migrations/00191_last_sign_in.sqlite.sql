-- Whoever signs in is noted by the write that makes the sign-in, or proves it anew, also
-- by a program of the version before. It is no change of the account: nobody reads it
-- again for this.
-- +goose Up
-- +goose StatementBegin
CREATE TRIGGER signed_in AFTER INSERT ON sign_ins BEGIN
    UPDATE users SET last_sign_in_at = NEW.auth_time WHERE id = NEW.user_id AND last_sign_in_at < NEW.auth_time;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER signed_in_again AFTER UPDATE OF auth_time ON sign_ins WHEN NEW.auth_time > OLD.auth_time BEGIN
    UPDATE users SET last_sign_in_at = NEW.auth_time WHERE id = NEW.user_id AND last_sign_in_at < NEW.auth_time;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER signed_in_again;
DROP TRIGGER signed_in;
