-- Accounts that were deleted stayed in their groups: they are told by the # in their login,
-- and no longer count among those who have a right.
-- +goose Up
DELETE FROM permission_members WHERE user_id IN (SELECT id FROM users WHERE login LIKE '%#%');
UPDATE change_counters SET last = last + 1 WHERE name = 'permissions';

-- +goose Down
SELECT 1;
