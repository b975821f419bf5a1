-- The sign-ins of a person are looked for each time that they open their profile. Only
-- these events are in the index: what every token writes is not.
-- +goose Up
CREATE INDEX audit_sign_ins ON audit_events (actor, id) WHERE kind IN ('sign_in', 'sign_in_failed');

-- +goose Down
DROP INDEX audit_sign_ins;
