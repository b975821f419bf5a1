-- Every change of an application, and every access token that is refused, gets the
-- next number, whoever writes it: also a program of a version before. Whoever
-- writes another number has given one.
-- +goose Up
-- +goose StatementBegin
CREATE TRIGGER application_made AFTER INSERT ON applications BEGIN
    UPDATE change_counters SET last = last + 1 WHERE name = 'applications';
    UPDATE applications SET change = (SELECT last FROM change_counters WHERE name = 'applications') WHERE id = NEW.id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER application_changed AFTER UPDATE ON applications WHEN NEW.change = OLD.change BEGIN
    UPDATE change_counters SET last = last + 1 WHERE name = 'applications';
    UPDATE applications SET change = (SELECT last FROM change_counters WHERE name = 'applications') WHERE id = NEW.id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER token_revoked AFTER INSERT ON revoked_tokens WHEN NEW.expires_at > 0 BEGIN
    UPDATE change_counters SET last = last + 1 WHERE name = 'revocations';
    UPDATE revoked_tokens SET change = (SELECT last FROM change_counters WHERE name = 'revocations') WHERE token_id = NEW.token_id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER token_revoked_again AFTER UPDATE ON revoked_tokens WHEN NEW.expires_at > 0 AND NEW.change = OLD.change BEGIN
    UPDATE change_counters SET last = last + 1 WHERE name = 'revocations';
    UPDATE revoked_tokens SET change = (SELECT last FROM change_counters WHERE name = 'revocations') WHERE token_id = NEW.token_id;
END;
-- +goose StatementEnd

-- What was written between the two steps.
UPDATE applications SET version = version WHERE change = 0;
UPDATE revoked_tokens SET expires_at = expires_at WHERE change = 0 AND expires_at > 0;

-- +goose Down
DROP TRIGGER token_revoked_again;
DROP TRIGGER token_revoked;
DROP TRIGGER application_changed;
DROP TRIGGER application_made;
