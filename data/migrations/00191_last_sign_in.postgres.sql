-- Whoever signs in is noted by the write that makes the sign-in, or proves it anew, also
-- by a program of the version before. It is no change of the account: nobody reads it
-- again for this.
-- +goose Up
-- +goose StatementBegin
CREATE FUNCTION note_sign_in() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE users SET last_sign_in_at = NEW.auth_time WHERE id = NEW.user_id AND last_sign_in_at < NEW.auth_time;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER signed_in AFTER INSERT ON sign_ins FOR EACH ROW EXECUTE FUNCTION note_sign_in();
CREATE TRIGGER signed_in_again AFTER UPDATE OF auth_time ON sign_ins FOR EACH ROW WHEN (NEW.auth_time > OLD.auth_time) EXECUTE FUNCTION note_sign_in();

-- +goose Down
DROP TRIGGER signed_in_again ON sign_ins;
DROP TRIGGER signed_in ON sign_ins;
DROP FUNCTION note_sign_in();
