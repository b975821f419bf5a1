-- Several replicas can work on one store: each sees what another one has in hand.

-- +goose Up

ALTER TABLE commands ADD COLUMN held_by TEXT NOT NULL DEFAULT ''; -- the replica that has it in hand until due_at; empty for none
-- When changes were sent to the ERP of which no answer is known; 0 for never.
ALTER TABLE commands ADD COLUMN tried_from BIGINT NOT NULL DEFAULT 0;
ALTER TABLE commands ADD COLUMN tried_until BIGINT NOT NULL DEFAULT 0;
UPDATE commands SET tried_from = received_at, tried_until = due_at;
