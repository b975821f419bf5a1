package erp

const setCustomers = "Crm_Sales_Customers"

// Customers, and who of the outside may see what of them.

func customerSets() []Declaration {
	role := &EnumType{Name: "Crm_Sales_CustomerExternalAccess_Role", Members: []EnumMember{
		{"Basic", 10}, {"Orders", 20}, {"OrdersWithPrices", 30}, {"Billing", 40}, {"Admin", 80}, {"Owner", 90},
	}}
	return []Declaration{
		{
			Set: root(setCustomers, "Crm_Sales_Customer", "erp_customers").
				code("Number").display("{Party.PartyName:T}").search("Number", "Party.PartyName").
				child("ExternalAccess", "Crm_Sales_CustomerExternalAccess").
				with(
					text("Number", 16).can(CanEq|CanLike|CanOrder),
					boolean("Active").required().is(BoolValue(true)).can(CanEq),
					amount("CreditLimit", 18, 2, "EnterpriseCompany.BaseCurrency"),
					integer("DefaultPaymentTermDays").required().is(IntValue(0)),
					integer("GracePeriodDays").required().is(IntValue(0)),
					integer("DefaultDeliveryTermDays").required().is(IntValue(0)),
					datetime("FromDate").from(FromDay).can(CanRange),
					datetime("ThruDate").can(CanRange),
					ref("Party", setParties).required().filterable(),
					ref("EnterpriseCompany", setEnterpriseCompanies),
					ref("DefaultCurrency", setCurrencies),
				),
			Prepare: func(c *Change) error { return c.AutoNumber("Number", "%06d", "") },
			Rules: []Rule{{"R27159", "FromDate must not be later than ThruDate; change one of them.", func(c *Change) (bool, error) {
				from, thru := c.Get("FromDate"), c.Get("ThruDate")
				return !from.Null && !thru.Null && from.Int > thru.Int, nil
			}}},
		},

		{
			Set: part("Crm_Sales_CustomerExternalAccess", "Crm_Sales_CustomerExternalAcces", "erp_customer_external_access", "Customer").
				display("{Customer.Party.PartyName:T}").
				with(
					enum("Role", role).required().is(IntValue(30)).can(CanEq|CanIn|CanRange),
					integer("DaysBackAccess").is(IntValue(30)).can(CanEq|CanRange),
					text("Notes", 254),
					ref("Customer", setCustomers),
					ref("User", setUsers).required(),
				),
			Rules: []Rule{{"R27160", "DaysBackAccess cannot be negative; null means without limit.", func(c *Change) (bool, error) {
				return c.Get("DaysBackAccess").Int < 0, nil
			}}},
		},
	}
}
