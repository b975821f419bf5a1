-- What replicas follow has numbers, in the order of the commits: the applications,
-- and the access tokens that are refused. Clocks tell no order, and a question for
-- all since some time finds the same again and again.
-- +goose Up
ALTER TABLE applications ADD COLUMN change BIGINT NOT NULL DEFAULT 0;
UPDATE applications SET change = n.number FROM (
    SELECT id, ROW_NUMBER() OVER (ORDER BY changed_at, id) AS number FROM applications) n WHERE n.id = applications.id;
INSERT INTO change_counters (name, last) SELECT 'applications', COUNT(*) FROM applications;
DROP INDEX applications_changed;
CREATE INDEX applications_change ON applications (change);

ALTER TABLE revoked_tokens ADD COLUMN change BIGINT NOT NULL DEFAULT 0;
UPDATE revoked_tokens SET change = n.number FROM (
    SELECT token_id, ROW_NUMBER() OVER (ORDER BY revoked_at, token_id) AS number FROM revoked_tokens WHERE expires_at > 0) n
    WHERE n.token_id = revoked_tokens.token_id;
INSERT INTO change_counters (name, last) SELECT 'revocations', COUNT(*) FROM revoked_tokens WHERE expires_at > 0;
DROP INDEX revoked_tokens_refused;
CREATE INDEX revoked_tokens_change ON revoked_tokens (change) WHERE change > 0;

-- Nobody asks any more which users changed since a time.
DROP INDEX users_changed;

-- +goose Down
CREATE INDEX users_changed ON users (changed_at);
DROP INDEX revoked_tokens_change;
CREATE INDEX revoked_tokens_refused ON revoked_tokens (revoked_at) WHERE expires_at > 0;
ALTER TABLE revoked_tokens DROP COLUMN change;
DROP INDEX applications_change;
CREATE INDEX applications_changed ON applications (changed_at);
ALTER TABLE applications DROP COLUMN change;
DELETE FROM change_counters WHERE name IN ('applications', 'revocations');
