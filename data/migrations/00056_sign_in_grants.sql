-- What a sign-in gave one application is looked up also after it has ended.
-- +goose Up
DROP INDEX authorization_codes_unused;
CREATE INDEX authorization_codes_sign_in ON authorization_codes (sign_in_id, application_uri);
DROP INDEX refresh_families_sign_in;
CREATE INDEX refresh_families_sign_in ON refresh_families (sign_in_id, application_uri);

-- +goose Down
DROP INDEX refresh_families_sign_in;
CREATE INDEX refresh_families_sign_in ON refresh_families (sign_in_id) WHERE ended_at = 0;
DROP INDEX authorization_codes_sign_in;
CREATE INDEX authorization_codes_unused ON authorization_codes (sign_in_id) WHERE used_at = 0;
