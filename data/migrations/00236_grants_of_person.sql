-- The codes and refresh families of a person, which end when what they allowed is withdrawn
-- or when they sign out everywhere, among those of all others.
-- +goose Up
CREATE INDEX authorization_codes_of ON authorization_codes (user_id, application_uri);
CREATE INDEX refresh_families_of ON refresh_families (user_id, application_uri);

-- +goose Down
DROP INDEX refresh_families_of;
DROP INDEX authorization_codes_of;
