-- The day of a visit is the one on which it begins, and was its document's date: all visits
-- are read once more, and get it.

-- +goose Up

UPDATE watermarks SET full_at = 0 WHERE name = 'Applications_Service_ServiceActivities';
