-- Every change of an application, and every access token that is refused, gets the
-- next number, whoever writes it: also a program of a version before. Whoever
-- writes another number has given one.
-- It is given at the commit, so that the counter's row is locked for no longer.
-- +goose Up
-- +goose StatementBegin
CREATE FUNCTION number_application() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE change_counters SET last = last + 1 WHERE name = 'applications';
    UPDATE applications SET change = (SELECT last FROM change_counters WHERE name = 'applications') WHERE id = NEW.id;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE CONSTRAINT TRIGGER application_made AFTER INSERT ON applications DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION number_application();
CREATE CONSTRAINT TRIGGER application_changed AFTER UPDATE ON applications DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.change = OLD.change) EXECUTE FUNCTION number_application();
-- +goose StatementBegin
CREATE FUNCTION number_revocation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE change_counters SET last = last + 1 WHERE name = 'revocations';
    UPDATE revoked_tokens SET change = (SELECT last FROM change_counters WHERE name = 'revocations') WHERE token_id = NEW.token_id;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE CONSTRAINT TRIGGER token_revoked AFTER INSERT ON revoked_tokens DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.expires_at > 0) EXECUTE FUNCTION number_revocation();
CREATE CONSTRAINT TRIGGER token_revoked_again AFTER UPDATE ON revoked_tokens DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.expires_at > 0 AND NEW.change = OLD.change) EXECUTE FUNCTION number_revocation();

-- What was written between the two steps.
UPDATE applications SET version = version WHERE change = 0;
UPDATE revoked_tokens SET expires_at = expires_at WHERE change = 0 AND expires_at > 0;

-- +goose Down
DROP TRIGGER token_revoked_again ON revoked_tokens;
DROP TRIGGER token_revoked ON revoked_tokens;
DROP FUNCTION number_revocation();
DROP TRIGGER application_changed ON applications;
DROP TRIGGER application_made ON applications;
DROP FUNCTION number_application();
