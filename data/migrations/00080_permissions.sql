-- What accounts may do beside the scopes of tokens: groups, who is in them, keys,
-- and what groups are granted on keys. Every change counts change_counters
-- 'permissions' up, in its own transaction.
-- +goose Up
INSERT INTO change_counters (name, last) VALUES ('permissions', 1);

CREATE TABLE permission_groups (
    id         TEXT NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL,
    name_key   TEXT NOT NULL UNIQUE,
    group_type TEXT NOT NULL,
    notes      TEXT NOT NULL
);
INSERT INTO permission_groups (id, name, name_key, group_type, notes) VALUES
    ('00000001-0000-5000-8000-74616e64656d', 'Everybody', 'everybody', 'Everybody', 'All internal users, by themselves.'),
    ('00000002-0000-5000-8000-74616e64656d', 'Administrators', 'administrators', 'Administrators', 'All internal users who are administrators, by themselves.'),
    ('00000003-0000-5000-8000-74616e64656d', 'Power users', 'power users', 'PowerUsers', 'May manage access permissions.'),
    ('00000004-0000-5000-8000-74616e64656d', 'All data', 'all data', 'AllData', 'Every set, attribute and document type: for tests and migrations.'),
    ('00000005-0000-5000-8000-74616e64656d', 'Everything (before permissions)', 'everything (before permissions)', 'AllData',
        'System Users of before there were permissions. Give them groups of their own, and take them out of this one.');

CREATE TABLE permission_members (
    user_id  TEXT NOT NULL,
    group_id TEXT NOT NULL REFERENCES permission_groups (id),
    PRIMARY KEY (user_id, group_id)
);
CREATE INDEX permission_members_group ON permission_members (group_id, user_id);
INSERT INTO permission_members (user_id, group_id)
    SELECT id, '00000005-0000-5000-8000-74616e64656d' FROM users WHERE user_type = 'SystemUserNoLogin';

CREATE TABLE permission_keys (
    id          TEXT NOT NULL PRIMARY KEY,
    kind        TEXT NOT NULL,
    name        TEXT NOT NULL,
    entity_name TEXT NOT NULL,
    attribute   TEXT NOT NULL,
    entity_id   TEXT NOT NULL
);

CREATE TABLE permission_grants (
    group_id          TEXT   NOT NULL REFERENCES permission_groups (id),
    key_id            TEXT   NOT NULL REFERENCES permission_keys (id),
    rights            BIGINT NOT NULL,
    update_attributes TEXT   NOT NULL,
    PRIMARY KEY (group_id, key_id)
);
CREATE INDEX permission_grants_key ON permission_grants (key_id);

-- +goose Down
DROP TABLE permission_grants;
DROP TABLE permission_keys;
DROP TABLE permission_members;
DROP TABLE permission_groups;
DELETE FROM change_counters WHERE name = 'permissions';
