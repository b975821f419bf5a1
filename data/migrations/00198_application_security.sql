-- What an application binds itself to: pushed requests (RFC 9126), tokens that are bound
-- to a key (RFC 9449), the FAPI 2.0 Security Profile, and what its ID tokens are signed
-- with; empty is the usual algorithm.
-- +goose Up
ALTER TABLE applications ADD COLUMN pushed_requests_only BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE applications ADD COLUMN bound_tokens_only BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE applications ADD COLUMN fapi BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE applications ADD COLUMN id_token_algorithm TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE applications DROP COLUMN id_token_algorithm;
ALTER TABLE applications DROP COLUMN fapi;
ALTER TABLE applications DROP COLUMN bound_tokens_only;
ALTER TABLE applications DROP COLUMN pushed_requests_only;
