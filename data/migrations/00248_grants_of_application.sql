-- The unused codes and the live refresh families of an application, which end with it, among
-- those of all others.
-- +goose Up
CREATE INDEX authorization_codes_of_application ON authorization_codes (application_uri) WHERE used_at = 0;
CREATE INDEX refresh_families_of_application ON refresh_families (application_uri) WHERE ended_at = 0;

-- +goose Down
DROP INDEX refresh_families_of_application;
DROP INDEX authorization_codes_of_application;
