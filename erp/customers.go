package erp

import (
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/permission"
)

const (
	setCustomers     = "Crm_Sales_Customers"
	setCustomerTypes = "Crm_Sales_CustomerTypes"
)

// The roles of people of the outside; each sees what those before it see.
const (
	roleBasic   = 10
	roleOrders  = 20
	rolePrices  = 30
	roleBilling = 40
	roleAdmin   = 80
	roleOwner   = 90
)

// Customers, and who of the outside may see what of them.

func customerSets() []write.Declaration {
	role := &model.Enum{Name: "Crm_Sales_CustomerExternalAccess_Role", Members: []model.Member{
		{Name: "Basic", Value: roleBasic}, {Name: "Orders", Value: roleOrders}, {Name: "OrdersWithPrices", Value: rolePrices},
		{Name: "Billing", Value: roleBilling}, {Name: "Admin", Value: roleAdmin}, {Name: "Owner", Value: roleOwner},
	}}
	return []write.Declaration{
		{
			Set: model.Root(setCustomers, "Crm_Sales_Customer", "erp_customers").Guarded("CustomerType.AccessKey").
				ReachedBy("", roleBasic, "").HiddenOutside("CreditLimit").
				Unique("Number").Unique("Party", "EnterpriseCompany").
				Code("Number").Named("Party.PartyName").Display("{Party.PartyName:T}").Search("Number", "Party.PartyName").
				Child("ExternalAccess", "Crm_Sales_CustomerExternalAccess").
				With(
					model.Text("Number", 16).Can(eq|like|ord),
					model.Bool("Active").Required().Is(model.BoolValue(true)).Can(eq),
					model.Amount("CreditLimit", 18, 2, "EnterpriseCompany.BaseCurrency"),
					model.Int("DefaultPaymentTermDays").Required().Is(model.IntValue(0)),
					model.Int("GracePeriodDays").Required().Is(model.IntValue(0)),
					model.Int("DefaultDeliveryTermDays").Required().Is(model.IntValue(0)),
					model.DateTime("FromDate").From(model.FromDay).Can(ge),
					model.DateTime("ThruDate").Can(ge),
					model.Ref("Party", setParties).Required().Filterable(),
					model.Ref("EnterpriseCompany", setEnterpriseCompanies),
					model.Ref("DefaultCurrency", setCurrencies),
					model.Ref("CustomerType", setCustomerTypes),
				),
			Prepare: func(c *write.Change) error { return c.AutoNumber("Number", "%06d", "") },
			Rules: []write.Rule{{Code: "R27159", Text: "FromDate must not be later than ThruDate; change one of them.",
				Broken: func(c *write.Change) (bool, error) {
					from, thru := c.Get("FromDate"), c.Get("ThruDate")
					return !from.Null && !thru.Null && from.Int > thru.Int, nil
				}}},
		},

		{
			Set: model.Root(setCustomerTypes, "Crm_Sales_CustomerType", "erp_customer_types").Guarded("AccessKey").
				Unique("Code").
				Code("Code").Named("Name").Display("{Name:T}").Search("Code", "Name").
				With(
					model.Text("Code", 16).Required().Can(eq|like|ord),
					model.Multilingual("Name", 254).Required(),
					model.Bool("IsActive").Required().Is(model.BoolValue(true)).Can(eq),
					accessKey(),
				),
		},

		{
			Set: model.Part("Crm_Sales_CustomerExternalAccess", "Crm_Sales_CustomerExternalAcces", "erp_customer_external_access", "Customer").
				KeyedApart().ForEverybody(permission.Read).
				ReachedBy("Customer", roleAdmin, "").ReachedByOwn("User").HiddenOutside("Notes").
				Unique("User", "Customer").
				Display("{Customer.Party.PartyName:T}").
				With(
					model.OneOf("Role", role).Required().Is(model.IntValue(rolePrices)).Can(eq|in|ge),
					model.Int("DaysBackAccess").Is(model.IntValue(30)).Can(eq|ge),
					model.Text("Notes", 254),
					model.Ref("Customer", setCustomers),
					model.Ref("User", setUsers).Required(),
				),
			Rules: []write.Rule{{Code: "R27160", Text: "DaysBackAccess cannot be negative; null means without limit.",
				Broken: func(c *write.Change) (bool, error) {
					return c.Get("DaysBackAccess").Int < 0, nil
				}}},
		},
	}
}
