package bench

import (
	"context"
	"database/sql"
)

// What the benchmark of the first page is compared with: the same page by
// hand, with one statement, structs and encoding/json.

type customerByHand struct {
	ID                      string
	ExternalId              *string
	ExternalSystem          *string
	AdditionalDataJson      *string
	Number                  *string
	Active                  bool
	CreditLimit             *int64
	CreditCurrency          *string
	DefaultPaymentTermDays  int64
	GracePeriodDays         int64
	DefaultDeliveryTermDays int64
	FromDate                *int64
	ThruDate                *int64
	Party                   string
	PartyType               int64
	EnterpriseCompany       *string
	DefaultCurrency         *string
}

type orderByHand struct {
	ID                        string
	ExternalId                *string
	ExternalSystem            *string
	AdditionalDataJson        *string
	DocumentNo                string
	DocumentDate              int64
	DocumentNotes             *string
	State                     int64
	Void                      bool
	VoidReason                *string
	EntityName                string
	CreationTime              int64
	CreationUser              string
	ReleaseTime               *int64
	CompleteTime              *int64
	VoidTime                  *int64
	ReferenceDate             *int64
	ReferenceDocumentNo       *string
	ReadOnly                  bool
	CustomerPurchaseOrderNo   *string
	RequiredDeliveryDate      *int64
	PaymentDueDate            *int64
	InvoiceNo                 *string
	DocumentType              string
	EnterpriseCompany         string
	EnterpriseCompanyLocation string
	FromParty                 string
	FromPartyType             int64
	ToParty                   *string
	ToPartyType               *int64
	MasterDocument            string
	Parent                    *string
	ResponsiblePerson         *string
	AssignedToUser            *string
	DocumentCurrency          string
	ShipToCustomer            *string
	Store                     *string
	Customer                  customerByHand
}

const pageByHand = `SELECT o.id, o.external_id, o.external_system, o.additional_data_json, o.document_no, o.document_date,
	o.document_notes, o.state, o.void, o.void_reason, o.entity_name, o.creation_time, o.creation_user, o.release_time,
	o.complete_time, o.void_time, o.reference_date, o.reference_document_no, o.read_only, o.customer_purchase_order_no,
	o.required_delivery_date, o.payment_due_date, o.invoice_no, o.document_type, o.enterprise_company, o.enterprise_company_location,
	o.from_party, o.from_party_type, o.to_party, o.to_party_type, o.master_document, o.parent, o.responsible_person,
	o.assigned_to_user, o.document_currency, o.ship_to_customer, o.store, c.id, c.external_id, c.external_system,
	c.additional_data_json, c.number, c.active, c.credit_limit, cur.currency_sign, c.default_payment_term_days, c.grace_period_days,
	c.default_delivery_term_days, c.from_date, c.thru_date, c.party, c.party_type, c.enterprise_company, c.default_currency
	FROM erp_sales_orders o JOIN erp_customers c ON c.id = o.customer
	LEFT JOIN erp_enterprise_companies e ON e.id = c.enterprise_company LEFT JOIN erp_currencies cur ON cur.id = e.base_currency
	ORDER BY o.document_date DESC, o.id LIMIT 50`

func ordersByHand(ctx context.Context, stmt *sql.Stmt) ([]orderByHand, error) {
	rows, err := stmt.QueryContext(ctx)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []orderByHand
	for rows.Next() {
		var r orderByHand
		if err := rows.Scan(&r.ID, &r.ExternalId, &r.ExternalSystem, &r.AdditionalDataJson, &r.DocumentNo, &r.DocumentDate,
			&r.DocumentNotes, &r.State, &r.Void, &r.VoidReason, &r.EntityName, &r.CreationTime, &r.CreationUser, &r.ReleaseTime,
			&r.CompleteTime, &r.VoidTime, &r.ReferenceDate, &r.ReferenceDocumentNo, &r.ReadOnly, &r.CustomerPurchaseOrderNo,
			&r.RequiredDeliveryDate, &r.PaymentDueDate, &r.InvoiceNo, &r.DocumentType, &r.EnterpriseCompany, &r.EnterpriseCompanyLocation,
			&r.FromParty, &r.FromPartyType, &r.ToParty, &r.ToPartyType, &r.MasterDocument, &r.Parent, &r.ResponsiblePerson, &r.AssignedToUser,
			&r.DocumentCurrency, &r.ShipToCustomer, &r.Store, &r.Customer.ID, &r.Customer.ExternalId, &r.Customer.ExternalSystem,
			&r.Customer.AdditionalDataJson, &r.Customer.Number, &r.Customer.Active, &r.Customer.CreditLimit, &r.Customer.CreditCurrency,
			&r.Customer.DefaultPaymentTermDays, &r.Customer.GracePeriodDays, &r.Customer.DefaultDeliveryTermDays, &r.Customer.FromDate,
			&r.Customer.ThruDate, &r.Customer.Party, &r.Customer.PartyType, &r.Customer.EnterpriseCompany, &r.Customer.DefaultCurrency); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}
