-- Files of rows: what stands for a row and has them, the files, and their bytes in parts.
-- +goose Up
CREATE TABLE erp_data_objects (
    id                             TEXT   NOT NULL PRIMARY KEY,
    object_version                 BIGINT NOT NULL,
    external_id                    TEXT,
    external_id_case               TEXT,
    external_system                TEXT,
    external_system_case           TEXT,
    aggregate_last_update_time_utc BIGINT NOT NULL,
    additional_data_json           TEXT,
    entity_item_id                 TEXT   NOT NULL,
    entity_type                    TEXT   NOT NULL,
    entity_type_case               TEXT,
    display_name                   TEXT,
    display_name_text              TEXT
);
CREATE UNIQUE INDEX erp_data_objects_entity_item_id ON erp_data_objects (entity_item_id);
CREATE UNIQUE INDEX erp_data_objects_external_id ON erp_data_objects (external_id, COALESCE(external_system, '')) WHERE external_id IS NOT NULL;
CREATE INDEX erp_data_objects_updated ON erp_data_objects (aggregate_last_update_time_utc, id);

CREATE TABLE erp_object_files (
    id                   TEXT   NOT NULL PRIMARY KEY,
    external_id          TEXT,
    external_id_case     TEXT,
    external_system      TEXT,
    external_system_case TEXT,
    file_name            TEXT   NOT NULL,
    file_name_text       TEXT   NOT NULL,
    file_name_case       TEXT,
    access_permission    BIGINT NOT NULL,
    content_location     BIGINT NOT NULL,
    file_size_bytes      BIGINT,
    media_type           TEXT,
    media_width          BIGINT,
    media_height         BIGINT,
    content_sha256       TEXT,
    purpose_code         TEXT,
    purpose_code_case    TEXT,
    section              TEXT,
    notes                TEXT,
    creation_time_utc    BIGINT NOT NULL,
    update_time_utc      BIGINT NOT NULL,
    content_id           TEXT,
    object               TEXT   NOT NULL REFERENCES erp_data_objects (id),
    creation_user        TEXT
);
CREATE UNIQUE INDEX erp_object_files_external_id ON erp_object_files (external_id, COALESCE(external_system, '')) WHERE external_id IS NOT NULL;
CREATE INDEX erp_object_files_object ON erp_object_files (object, file_name);
CREATE INDEX erp_object_files_content ON erp_object_files (content_id) WHERE content_id IS NOT NULL;

-- Bytes are stored before their row names them; what none names in the end is deleted.
CREATE TABLE erp_file_contents (
    id       TEXT   NOT NULL PRIMARY KEY,
    begun_at BIGINT NOT NULL
);
CREATE INDEX erp_file_contents_begun ON erp_file_contents (begun_at);
CREATE TABLE erp_file_parts (
    content TEXT   NOT NULL REFERENCES erp_file_contents (id),
    number  BIGINT NOT NULL,
    bytes   BYTEA  NOT NULL,
    PRIMARY KEY (content, number)
);

-- +goose Down
DROP TABLE erp_file_parts;
DROP TABLE erp_file_contents;
DROP TABLE erp_object_files;
DROP TABLE erp_data_objects;
