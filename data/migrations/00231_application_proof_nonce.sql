-- Whether each DPoP proof of an application needs the server's nonce (RFC 9449 section 8).
-- +goose Up
ALTER TABLE applications ADD COLUMN proof_nonce BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down
ALTER TABLE applications DROP COLUMN proof_nonce;
