-- Which person of the ERP an account is: one account for each at most. The accounts are
-- a copy that is made anew, so that it is kept apart from it.
-- +goose Up
CREATE TABLE erp_user_persons (
    "user" TEXT NOT NULL PRIMARY KEY,
    person TEXT NOT NULL REFERENCES erp_parties (id)
);
CREATE UNIQUE INDEX user_persons_person ON erp_user_persons (person);
ALTER TABLE erp_users ADD COLUMN person TEXT;
CREATE INDEX erp_users_person ON erp_users (person) WHERE person IS NOT NULL;

-- +goose Down
DROP INDEX erp_users_person;
ALTER TABLE erp_users DROP COLUMN person;
DROP TABLE erp_user_persons;
