-- Every replica asks each second for the access tokens that were revoked lately.
-- What has ended without any, a used code above all, is not looked through.
-- +goose Up
DROP INDEX revoked_tokens_time;
CREATE INDEX revoked_tokens_refused ON revoked_tokens (revoked_at) WHERE expires_at > 0;

-- +goose Down
DROP INDEX revoked_tokens_refused;
CREATE INDEX revoked_tokens_time ON revoked_tokens (revoked_at);
