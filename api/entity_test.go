package api_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hybridapps/tandem/api"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/sqldb"
)

// couponDeclaration is all that the program says about a made-up set: what
// customers pay less with.
func couponDeclaration() write.Declaration {
	kind := model.NewEnum("Crm_Marketing_Coupon_Kind", "Welcome", "Season")
	return write.Declaration{
		Set: model.Root("Crm_Marketing_Coupons", "Crm_Marketing_Coupon", "erp_coupons").Unguarded().
			Code("Code").Named("Title").Display("{Code} {Title:T}").Search("Code").
			Unique("Code", "Customer").
			With(
				model.Text("Code", 16).Required().Can(model.CanEq|model.CanIn|model.CanLike|model.CanOrder),
				model.Multilingual("Title", 64),
				model.OneOf("Kind", kind).Required().Is(model.IntValue(0)).Can(model.CanEq),
				model.Amount("Worth", 18, 2, "Currency").Required().Can(model.CanRange),
				model.Date("ValidFrom").From(model.FromDay).Can(model.CanRange),
				model.Text("CreationUser", 64).ReadOnly().From(model.FromLogin),
				model.Ref("Customer", "Crm_Sales_Customers").Required().Filterable(),
				model.Ref("Currency", "General_Currencies_Currencies").Required(),
			),
		Prepare: func(c *write.Change) error { return c.AutoNumber("Code", "C%04d", "") },
		Rules: []write.Rule{{Code: "R90001", Text: "Worth must be greater than zero.",
			Broken: func(c *write.Change) (bool, error) { return c.Get("Worth").Int <= 0, nil }}},
	}
}

// couponMigration is all that the database needs for it.
const couponMigration = `-- +goose Up
CREATE TABLE erp_coupons (
	id TEXT PRIMARY KEY,
	object_version BIGINT NOT NULL,
	external_id TEXT,
	external_id_case TEXT,
	external_system TEXT,
	external_system_case TEXT,
	aggregate_last_update_time_utc BIGINT NOT NULL,
	additional_data_json TEXT,
	code TEXT NOT NULL,
	code_case TEXT,
	code_text TEXT NOT NULL,
	title TEXT,
	title_text TEXT,
	kind BIGINT NOT NULL,
	worth BIGINT NOT NULL,
	valid_from BIGINT,
	creation_user TEXT,
	customer TEXT NOT NULL REFERENCES erp_customers (id),
	currency TEXT NOT NULL REFERENCES erp_currencies (id)
);
CREATE UNIQUE INDEX erp_coupons_code ON erp_coupons (code, customer);
CREATE UNIQUE INDEX erp_coupons_external_id ON erp_coupons (external_id, COALESCE(external_system, '')) WHERE external_id IS NOT NULL;
`

// withCoupons is the Domain API over a store that has coupons too, with a
// customer to give them to.
func withCoupons(t *testing.T, db *sqldb.DB) http.Handler {
	t.Helper()
	migration := fstest.MapFS{"00001_coupons.sql": {Data: []byte(couponMigration)}}
	if err := db.Migrate(t.Context(), migration, "test_schema"); err != nil {
		t.Fatal(err)
	}
	m := erp.NewModel(couponDeclaration())
	store := data.NewERP(db, m)
	store.Clock = func() time.Time { return time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC) }
	mux := http.NewServeMux()
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	(&api.Domain{
		Model: m.Model, Store: store, Root: "https://erp.example", Log: quiet,
		Access: &api.Access{Verifier: doors{}, Checker: doors{}, Sessions: doors{}, Rights: doors{}.Rights, Auditor: doors{}, Log: quiet},
	}).Mount(mux)
	for i, row := range []string{
		`General_Currencies_Currencies {"CurrencySign":"EUR","Name":"Euro"}`,
		`General_Contacts_Companies {"Name":{"EN":"Our Shop"},"RegistrationNumber":"100"}`,
		`General_EnterpriseCompanies {"Company":{"RegistrationNumber":"100"},"BaseCurrency":{"CurrencySign":"EUR"}}`,
		`Crm_Sales_Customers {"Number":"C1","Party":{"@odata.type":"Erp.General_Contacts_Company","RegistrationNumber":"100"}}`,
	} {
		set, body, _ := strings.Cut(row, " ")
		if r, answer := call(t, mux, "POST", set, `{"Id":"`+number(i+1)+`",`+body[1:]); r.StatusCode != 201 {
			t.Fatalf("%s: %d %s", row, r.StatusCode, answer)
		}
	}
	return mux
}

// TestAnEntityIsOneDeclarationAndOneMigration adds a set with nothing but these
// two, and uses it in every way that the API has.
func TestAnEntityIsOneDeclarationAndOneMigration(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := withCoupons(t, db)
		const set = "Crm_Marketing_Coupons"
		entity := set + "(" + number(50) + ")"
		customer := `"Customer":{"@odata.id":"Crm_Sales_Customers(` + number(4) + `)"}`
		for _, step := range []struct {
			method, path, body string
			status             int
			want               string // a part of the response
		}{
			{"GET", "$metadata", "", 200, `<EntityType Name="Crm_Marketing_Coupon">`},
			{"GET", "$metadata", "", 200, `<NavigationProperty Name="Customer" Type="Erp.Crm_Sales_Customer" Nullable="false"/>`},
			{"GET", "$metadata", "", 200, `<EnumType Name="Crm_Marketing_Coupon_Kind">`},
			{"GET", "", "", 200, `{"name":"Crm_Marketing_Coupons","kind":"EntitySet","url":"Crm_Marketing_Coupons"}`},

			{"POST", set, `{"Id":"` + number(50) + `","Title":{"EN":"Welcome, Ябълка"},"Worth":{"Value":12.5,"Currency":"EUR"},"Customer":{"Number":"C1"}}`, 201, `"Code":"C0001"`},
			{"POST", set, `{"Code":"C0001","Worth":{"Value":1,"Currency":"EUR"},` + customer + `}`, 409, "the same Code and Customer already"},
			{"POST", set, `{"Worth":{"Value":0,"Currency":"EUR"},` + customer + `}`, 422, "Worth must be greater than zero. (Constraint R90001)"},
			{"POST", set, `{"Worth":{"Value":5,"Currency":"EUR"}}`, 422, "Customer is required"},
			{"POST", set, `{"Colour":"red"}`, 400, `has no property \"Colour\"`},

			{"GET", entity, "", 200, `"Kind":"Welcome","Worth":{"Value":12.5,"Currency":"EUR"},"ValidFrom":"2026-02-03T00:00:00Z","CreationUser":"svc.test"`},
			{"GET", entity + "?$select=DisplayText,ObjectVersion", "", 200, `"DisplayText":"C0001 Welcome, Ябълка","ObjectVersion":1`},
			{"GET", set + "?$filter=WorthValue%20ge%2012&$select=Code", "", 200, `"Code":"C0001"`},
			{"GET", set + "?$filter=WorthValue%20ge%2013&$select=Code", "", 200, `"value":[]`},
			{"GET", set + "?$filter=Kind%20eq%20'Welcome'%20and%20startswith(Code,'C0')&$select=Code", "", 200, `"Code":"C0001"`},
			{"GET", set + "?$filter=Customer/Number%20eq%20'C1'&$select=Code", "", 200, `"Code":"C0001"`},
			{"GET", set + "?$filter=contains(Title,'%D1%8F%D0%B1%D1%8A%D0%BB')&$select=Code&$orderby=Code", "", 200, `"Code":"C0001"`},
			{"GET", set + "?$search=c00&$select=Code", "", 200, `"Code":"C0001"`},
			{"GET", set + "/$count", "", 200, "1"},
			{"GET", set + "?$select=Code&$expand=Customer($select=Number;$expand=Party($select=PartyName))", "", 200,
				`"Customer":{"@odata.id":"Crm_Sales_Customers(` + number(4) + `)","@odata.etag":"W/\"1\"","Number":"C1","Party":{"@odata.type":"#Erp.General_Contacts_Company","@odata.id":"General_Contacts_Companies(` + number(2) + `)"`},
			{"GET", entity + "/Customer?$select=Number", "", 200, `"Number":"C1"`},

			{"PATCH", entity, `{"ObjectVersion":1,"Kind":"Season","Worth":{"Value":20}}`, 204, ""},
			{"PATCH", entity, `{"ObjectVersion":1,"Kind":"Welcome"}`, 409, "ObjectVersion is 2"},
			{"GET", entity + "?$select=Kind,Worth,ObjectVersion", "", 200,
				`"Kind":"Season","Worth":{"Value":20,"Currency":"EUR"},"ObjectVersion":2`},

			{"POST", "Import", `{"objects":[
				{"@odata.type":"Erp.Crm_Marketing_Coupon","@erpnet.action":"merge","@erpnet.findBy":{"Code":"C0001"},"Worth":{"Value":21}},
				{"@odata.type":"Erp.Crm_Marketing_Coupon","@erpnet.action":"merge","ExternalId":"7","ExternalSystem":"shop","Worth":{"Value":3,"Currency":"EUR"},"Customer":{"Number":"C1"}},
				{"@odata.type":"Erp.Crm_Marketing_Coupon","@erpnet.action":"findOrNull","@erpnet.findBy":{"Code":"nowhere"}}]}`, 200, `"@erpnet.state":"Added"`},
			{"GET", set + "?$select=Code,Worth&$orderby=Code", "", 200, `"Code":"C0001","Worth":{"Value":21,"Currency":"EUR"}`},
			{"GET", set + "?$select=Code,Worth&$orderby=Code", "", 200, `"Code":"C0002","Worth":{"Value":3,"Currency":"EUR"}`},

			{"DELETE", "Crm_Sales_Customers(" + number(4) + ")", "", 409, "refers to it by Customer"},
			{"DELETE", entity, "", 204, ""},
			{"GET", entity, "", 404, "There is no " + entity},
		} {
			what := fmt.Sprint(step.method, " ", step.path, " ", step.body)
			r, answer := call(t, h, step.method, step.path, step.body)
			if r.StatusCode != step.status || !strings.Contains(answer, step.want) {
				t.Errorf("%s\n%d %s\nwant %d …%s…", what, r.StatusCode, answer, step.status, step.want)
			}
		}
	})
}
