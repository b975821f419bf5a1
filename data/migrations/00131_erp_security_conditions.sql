-- By what a new document gets its key: conditions of its type.
-- +goose Up
CREATE TABLE erp_document_type_security_conditions (
    id                  TEXT   NOT NULL PRIMARY KEY,
    description         TEXT   NOT NULL,
    description_text    TEXT   NOT NULL,
    description_case    TEXT,
    condition_filter    TEXT   NOT NULL,
    priority            BIGINT NOT NULL,
    document_access_key TEXT   NOT NULL,
    document_type       TEXT   NOT NULL REFERENCES erp_document_types (id)
);
CREATE INDEX erp_document_type_security_conditions_type ON erp_document_type_security_conditions (document_type);

-- +goose Down
DROP TABLE erp_document_type_security_conditions;
