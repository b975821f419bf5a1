-- The open sessions of a person through an application, which end when it is withdrawn.
-- +goose Up
CREATE INDEX sessions_open_of ON sessions (user_id, application_uri) WHERE ended_at = 0;

-- +goose Down
DROP INDEX sessions_open_of;
