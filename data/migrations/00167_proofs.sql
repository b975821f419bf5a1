-- The last runs of tandem prove: who ran it, what it found, and the signed report.
-- +goose Up
CREATE TABLE proofs (
    id              TEXT   NOT NULL PRIMARY KEY,
    at              BIGINT NOT NULL,
    recorded_by     TEXT   NOT NULL,
    issuer          TEXT   NOT NULL,
    application_uri TEXT   NOT NULL,
    holds           BIGINT NOT NULL,
    fails           BIGINT NOT NULL,
    not_tested      BIGINT NOT NULL,
    verdicts        TEXT   NOT NULL,
    digest          TEXT   NOT NULL,
    key_id          TEXT   NOT NULL,
    report          BYTEA  NOT NULL
);

-- +goose Down
DROP TABLE proofs;
