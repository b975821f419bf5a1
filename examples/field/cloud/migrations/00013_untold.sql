-- Refusals that their device has not been told yet: what it sends for the visit until then
-- it sends without knowing of them.

-- +goose Up

CREATE TABLE untold (
    user_id TEXT NOT NULL,
    visit   TEXT NOT NULL,
    device  TEXT NOT NULL,
    command TEXT NOT NULL, -- the one that was refused
    PRIMARY KEY (user_id, visit, device, command)
);
