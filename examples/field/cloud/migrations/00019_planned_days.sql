-- For which day a visit that was begun had been planned: its StartTime is then when it was
-- begun. Of one that was begun before this, that is all that is known.

-- +goose Up

ALTER TABLE visits ADD COLUMN planned TEXT NOT NULL DEFAULT ''; -- 2006-01-02; empty for one that the version before has kept
UPDATE visits SET planned = day;
