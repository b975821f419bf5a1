-- What people are told of rows, each their own.
-- +goose Up
CREATE TABLE erp_notifications (
    id                             TEXT    NOT NULL PRIMARY KEY,
    object_version                 BIGINT  NOT NULL,
    external_id                    TEXT,
    external_id_case               TEXT,
    external_system                TEXT,
    external_system_case           TEXT,
    aggregate_last_update_time_utc BIGINT  NOT NULL,
    additional_data_json           TEXT,
    notification_class             TEXT    NOT NULL,
    notification_class_text        TEXT    NOT NULL,
    notification_class_case        TEXT,
    subject                        TEXT,
    subject_text                   TEXT,
    subject_case                   TEXT,
    priority                       BIGINT  NOT NULL,
    is_read                        BOOLEAN NOT NULL,
    anchor                         TEXT,
    creation_time_utc              BIGINT  NOT NULL,
    creation_user                  TEXT    NOT NULL,
    "user"                         TEXT    NOT NULL,
    data_object                    TEXT    REFERENCES erp_data_objects (id) ON DELETE SET NULL
);
CREATE UNIQUE INDEX erp_notifications_external_id ON erp_notifications (external_id, COALESCE(external_system, '')) WHERE external_id IS NOT NULL;
CREATE INDEX erp_notifications_updated ON erp_notifications (aggregate_last_update_time_utc, id);
CREATE INDEX erp_notifications_user ON erp_notifications ("user", creation_time_utc, id);
CREATE INDEX erp_notifications_created ON erp_notifications (creation_time_utc, id);
CREATE INDEX erp_notifications_data_object ON erp_notifications (data_object) WHERE data_object IS NOT NULL;

-- +goose Down
DROP TABLE erp_notifications;
