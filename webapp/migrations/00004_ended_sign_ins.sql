-- What the provider has ended while another web app of this database may be redeeming it.
-- +goose Up
CREATE TABLE webapp_ended_sign_ins (
    sign_in_id TEXT   NOT NULL PRIMARY KEY,
    ended_at   BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX webapp_ended_sign_ins_expiry ON webapp_ended_sign_ins (expires_at);

-- +goose Down
DROP TABLE webapp_ended_sign_ins;
