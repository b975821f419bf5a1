-- In which language a command is answered, whenever it is booked: that of who has sent it.

-- +goose Up

ALTER TABLE commands ADD COLUMN language TEXT NOT NULL DEFAULT 'en';
