package erp

const setCustomers = "Crm_Sales_Customers"

// Customers, and who of the outside may see what of them.

func customerSets() []Declaration {
	role := &EnumType{Name: "Crm_Sales_CustomerExternalAccess_Role", Members: []EnumMember{
		{"Basic", 10}, {"Orders", 20}, {"OrdersWithPrices", 30}, {"Billing", 40}, {"Admin", 80}, {"Owner", 90},
	}}
	return []Declaration{
		{
			Set: Root(setCustomers, "Crm_Sales_Customer", "erp_customers").
				Unique("Number").Unique("Party", "EnterpriseCompany").
				Code("Number").Display("{Party.PartyName:T}").Search("Number", "Party.PartyName").
				Child("ExternalAccess", "Crm_Sales_CustomerExternalAccess").
				With(
					Text("Number", 16).Can(CanEq|CanLike|CanOrder),
					Bool("Active").Required().Is(BoolValue(true)).Can(CanEq),
					Amount("CreditLimit", 18, 2, "EnterpriseCompany.BaseCurrency"),
					Int("DefaultPaymentTermDays").Required().Is(IntValue(0)),
					Int("GracePeriodDays").Required().Is(IntValue(0)),
					Int("DefaultDeliveryTermDays").Required().Is(IntValue(0)),
					DateTime("FromDate").From(FromDay).Can(CanRange),
					DateTime("ThruDate").Can(CanRange),
					Ref("Party", setParties).Required().Filterable(),
					Ref("EnterpriseCompany", setEnterpriseCompanies),
					Ref("DefaultCurrency", setCurrencies),
				),
			Prepare: func(c *Change) error { return c.AutoNumber("Number", "%06d", "") },
			Rules: []Rule{{"R27159", "FromDate must not be later than ThruDate; change one of them.", func(c *Change) (bool, error) {
				from, thru := c.Get("FromDate"), c.Get("ThruDate")
				return !from.Null && !thru.Null && from.Int > thru.Int, nil
			}}},
		},

		{
			Set: Part("Crm_Sales_CustomerExternalAccess", "Crm_Sales_CustomerExternalAcces", "erp_customer_external_access", "Customer").
				Unique("User", "Customer").
				Display("{Customer.Party.PartyName:T}").
				With(
					OneOf("Role", role).Required().Is(IntValue(30)).Can(CanEq|CanIn|CanRange),
					Int("DaysBackAccess").Is(IntValue(30)).Can(CanEq|CanRange),
					Text("Notes", 254),
					Ref("Customer", setCustomers),
					Ref("User", setUsers).Required(),
				),
			Rules: []Rule{{"R27160", "DaysBackAccess cannot be negative; null means without limit.", func(c *Change) (bool, error) {
				return c.Get("DaysBackAccess").Int < 0, nil
			}}},
		},
	}
}
