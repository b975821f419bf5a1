-- Callers choose ids, so that rows of two sets can have the same: each has its own files.
-- +goose Up
DROP INDEX erp_data_objects_entity_item_id;
CREATE UNIQUE INDEX erp_data_objects_entity_item_id ON erp_data_objects (entity_item_id, entity_type);

-- +goose Down
DROP INDEX erp_data_objects_entity_item_id;
CREATE UNIQUE INDEX erp_data_objects_entity_item_id ON erp_data_objects (entity_item_id);
