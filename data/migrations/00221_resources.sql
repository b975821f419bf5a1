-- Resources of applications' own, that people's tokens can be for (RFC 8707), and
-- companions. The URI of a resource is in principal_names, so that nothing else that a
-- token names can be equal to it (invariant I7); a scope is of one resource.
-- +goose Up
ALTER TABLE applications ADD COLUMN resource TEXT NOT NULL DEFAULT '';
ALTER TABLE applications ADD COLUMN resource_scopes TEXT NOT NULL DEFAULT '';
ALTER TABLE applications ADD COLUMN accepts_from TEXT NOT NULL DEFAULT '';
ALTER TABLE applications ADD COLUMN companion_of TEXT NOT NULL DEFAULT '';
CREATE TABLE resource_scopes (
    name           TEXT NOT NULL PRIMARY KEY,
    application_id TEXT NOT NULL
);
CREATE INDEX resource_scopes_application ON resource_scopes (application_id);

-- +goose Down
DROP TABLE resource_scopes;
ALTER TABLE applications DROP COLUMN companion_of;
ALTER TABLE applications DROP COLUMN accepts_from;
ALTER TABLE applications DROP COLUMN resource_scopes;
ALTER TABLE applications DROP COLUMN resource;
