-- The accounts as the entity model shows them: to be linked to and looked up,
-- with nothing that only a sign-in needs.
-- +goose Up
CREATE VIEW erp_users AS SELECT
    id,
    changed_at AS aggregate_last_update_time_utc,
    login,
    lower(login) AS login_text,
    name,
    lower(name) AS name_text,
    CASE WHEN email = '' THEN NULL ELSE email END AS email,
    email_verified AS email_confirmed,
    is_enabled AS active,
    is_admin,
    CASE user_type
        WHEN 'InternalUser' THEN 0
        WHEN 'ExternalCommunityUser' THEN 1
        WHEN 'VirtualUserNoLogin' THEN 2
        WHEN 'SystemUserNoLogin' THEN 3
        WHEN 'ApplicationUserNoLogin' THEN 4
        WHEN 'InvitationInternalNoLogin' THEN 5
        WHEN 'InvitationExternalNoLogin' THEN 6
    END AS user_type,
    CASE WHEN locale = '' THEN NULL ELSE locale END AS default_language,
    created_at AS creation_time_utc
FROM users;

-- +goose Down
DROP VIEW erp_users;
