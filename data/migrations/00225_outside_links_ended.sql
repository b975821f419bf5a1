-- Links to outside providers that were ended on purpose: a verified address makes none of
-- them anew.
-- +goose Up
CREATE TABLE outside_links_ended (
    provider_id TEXT   NOT NULL,
    subject     TEXT   NOT NULL,
    user_id     TEXT   NOT NULL,
    ended_at    BIGINT NOT NULL,
    PRIMARY KEY (provider_id, subject, user_id)
);

-- +goose Down
DROP TABLE outside_links_ended;
