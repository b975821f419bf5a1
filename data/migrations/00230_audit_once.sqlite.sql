-- An event that uses something up (a proof of possession) is written together with that by
-- one statement, which fails as a whole where it was used before: a transaction of two
-- statements costs twice as much. Nothing reads the view.
-- +goose Up
CREATE VIEW audit_once AS SELECT id, at, kind, application_uri, actor, flow, session_id, sign_in_id, token_id, remote_addr, detail, request_id, facts,
    NULL AS once_id, NULL AS once_until FROM audit_events WHERE FALSE;

-- +goose StatementBegin
CREATE TRIGGER audit_once_insert INSTEAD OF INSERT ON audit_once BEGIN
    INSERT INTO client_assertions (id, expires_at) SELECT NEW.once_id, NEW.once_until WHERE NEW.once_id IS NOT NULL;
    INSERT INTO audit_events (id, at, kind, application_uri, actor, flow, session_id, sign_in_id, token_id, remote_addr, detail, request_id, facts)
        VALUES (NEW.id, NEW.at, NEW.kind, NEW.application_uri, NEW.actor, NEW.flow, NEW.session_id, NEW.sign_in_id, NEW.token_id, NEW.remote_addr, NEW.detail,
            NEW.request_id, NEW.facts);
END;
-- +goose StatementEnd

-- +goose Down
DROP VIEW audit_once;
