-- How well, and to which provider, a person proved who they are: what the tokens of a
-- sign-in tell. What came of it keeps it as a text that is empty for a password here.
-- +goose Up
ALTER TABLE sign_ins ADD COLUMN acr TEXT NOT NULL DEFAULT '1';
ALTER TABLE sign_ins ADD COLUMN idp TEXT NOT NULL DEFAULT '';
ALTER TABLE sign_ins ADD COLUMN tid TEXT NOT NULL DEFAULT '';
ALTER TABLE authorization_codes ADD COLUMN authentication TEXT NOT NULL DEFAULT '';
ALTER TABLE refresh_families ADD COLUMN authentication TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE refresh_families DROP COLUMN authentication;
ALTER TABLE authorization_codes DROP COLUMN authentication;
ALTER TABLE sign_ins DROP COLUMN tid;
ALTER TABLE sign_ins DROP COLUMN idp;
ALTER TABLE sign_ins DROP COLUMN acr;
