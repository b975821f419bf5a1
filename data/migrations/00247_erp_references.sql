-- Who refers to a row that is to be deleted: each reference by which one of many can be found
-- has an index. Each is made by itself, so that on PostgreSQL those who write to a table wait for
-- one index of it at most; what was made before a break stays.
-- +goose NO TRANSACTION
-- +goose Up
CREATE INDEX IF NOT EXISTS erp_data_exchanges_created_by_user ON erp_data_exchanges (created_by_user) WHERE created_by_user IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_invoices_assigned_to_user ON erp_invoices (assigned_to_user, document_date DESC, id) WHERE assigned_to_user IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_invoices_responsible_person ON erp_invoices (responsible_person, document_date DESC, id) WHERE responsible_person IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_invoices_to_party ON erp_invoices (to_party, document_date DESC, id) WHERE to_party IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_object_files_creation_user ON erp_object_files (creation_user) WHERE creation_user IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_parties_access_key ON erp_parties (access_key, party_type, id) WHERE access_key IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_parties_company_type ON erp_parties (company, party_type, id) WHERE company IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_parties_parent_type ON erp_parties (parent_party, party_type, id) WHERE parent_party IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_sales_orders_assigned_to_user ON erp_sales_orders (assigned_to_user, document_date DESC, id) WHERE assigned_to_user IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_sales_orders_responsible_person ON erp_sales_orders (responsible_person, document_date DESC, id) WHERE responsible_person IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_sales_orders_to_party ON erp_sales_orders (to_party, document_date DESC, id) WHERE to_party IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_service_activities_assigned_to_user ON erp_service_activities (assigned_to_user, document_date DESC, id) WHERE assigned_to_user IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_service_activities_contact_person ON erp_service_activities (contact_person, document_date DESC, id) WHERE contact_person IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_service_activities_location_party_contact_mechanism ON erp_service_activities (location_party_contact_mechanism, document_date DESC, id) WHERE location_party_contact_mechanism IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_service_activities_receiver_person ON erp_service_activities (receiver_person, document_date DESC, id) WHERE receiver_person IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_service_activities_responsible_person ON erp_service_activities (responsible_person, document_date DESC, id) WHERE responsible_person IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_service_activities_target_party ON erp_service_activities (target_party, document_date DESC, id) WHERE target_party IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_service_activities_to_party ON erp_service_activities (to_party, document_date DESC, id) WHERE to_party IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_service_activity_materials_service_object ON erp_service_activity_materials (service_object) WHERE service_object IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_service_activity_services_performed_by_person ON erp_service_activity_services (performed_by_person) WHERE performed_by_person IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_service_activity_services_service_object ON erp_service_activity_services (service_object) WHERE service_object IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_service_agreements_assigned_to_user ON erp_service_agreements (assigned_to_user, document_date DESC, id) WHERE assigned_to_user IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_service_agreements_responsible_person ON erp_service_agreements (responsible_person, document_date DESC, id) WHERE responsible_person IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_service_agreements_to_party ON erp_service_agreements (to_party, document_date DESC, id) WHERE to_party IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_service_orders_assigned_to_user ON erp_service_orders (assigned_to_user, document_date DESC, id) WHERE assigned_to_user IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_service_orders_responsible_person ON erp_service_orders (responsible_person, document_date DESC, id) WHERE responsible_person IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_service_orders_ship_to_customer ON erp_service_orders (ship_to_customer, document_date DESC, id) WHERE ship_to_customer IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_service_orders_to_party ON erp_service_orders (to_party, document_date DESC, id) WHERE to_party IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_shipments_assigned_to_user ON erp_shipments (assigned_to_user, document_date DESC, id) WHERE assigned_to_user IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_shipments_issued_by_person ON erp_shipments (issued_by_person, document_date DESC, id) WHERE issued_by_person IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_shipments_received_by_person ON erp_shipments (received_by_person, document_date DESC, id) WHERE received_by_person IS NOT NULL;
CREATE INDEX IF NOT EXISTS erp_shipments_responsible_person ON erp_shipments (responsible_person, document_date DESC, id) WHERE responsible_person IS NOT NULL;
DROP INDEX IF EXISTS erp_parties_company;
DROP INDEX IF EXISTS erp_parties_parent_party;

-- +goose Down
DROP INDEX erp_shipments_responsible_person;
DROP INDEX erp_shipments_received_by_person;
DROP INDEX erp_shipments_issued_by_person;
DROP INDEX erp_shipments_assigned_to_user;
DROP INDEX erp_service_orders_to_party;
DROP INDEX erp_service_orders_ship_to_customer;
DROP INDEX erp_service_orders_responsible_person;
DROP INDEX erp_service_orders_assigned_to_user;
DROP INDEX erp_service_agreements_to_party;
DROP INDEX erp_service_agreements_responsible_person;
DROP INDEX erp_service_agreements_assigned_to_user;
DROP INDEX erp_service_activity_services_service_object;
DROP INDEX erp_service_activity_services_performed_by_person;
DROP INDEX erp_service_activity_materials_service_object;
DROP INDEX erp_service_activities_to_party;
DROP INDEX erp_service_activities_target_party;
DROP INDEX erp_service_activities_responsible_person;
DROP INDEX erp_service_activities_receiver_person;
DROP INDEX erp_service_activities_location_party_contact_mechanism;
DROP INDEX erp_service_activities_contact_person;
DROP INDEX erp_service_activities_assigned_to_user;
DROP INDEX erp_sales_orders_to_party;
DROP INDEX erp_sales_orders_responsible_person;
DROP INDEX erp_sales_orders_assigned_to_user;
CREATE INDEX erp_parties_company ON erp_parties (company) WHERE company IS NOT NULL;
CREATE INDEX erp_parties_parent_party ON erp_parties (parent_party) WHERE parent_party IS NOT NULL;
DROP INDEX erp_parties_parent_type;
DROP INDEX erp_parties_company_type;
DROP INDEX erp_parties_access_key;
DROP INDEX erp_object_files_creation_user;
DROP INDEX erp_invoices_to_party;
DROP INDEX erp_invoices_responsible_person;
DROP INDEX erp_invoices_assigned_to_user;
DROP INDEX erp_data_exchanges_created_by_user;
