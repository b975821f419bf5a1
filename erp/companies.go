package erp

const (
	setEnterpriseCompanies = "General_EnterpriseCompanies"
	setCurrencies          = "General_Currencies_Currencies"
)

// Our own companies (one instance has many), and the currencies.

func companySets() []Declaration {
	return []Declaration{
		{
			Set: root(setEnterpriseCompanies, "General_EnterpriseCompany", "erp_enterprise_companies").
				code("Company.RegistrationNumber").named("Company.PartyName").
				display("{Company.PartyName:T}").search("Company.PartyName").
				with(
					boolean("IsActive").required().is(BoolValue(true)).can(CanEq),
					ref("Company", setCompanies).required(),
					ref("BaseCurrency", setCurrencies).required(),
				),
		},
	}
}

func currencySets() []Declaration {
	return []Declaration{
		{
			Set: root(setCurrencies, "General_Currencies_Currency", "erp_currencies").
				code("CurrencySign").named("Name").display("{CurrencySign}").search("CurrencySign", "Name").
				with(
					text("CurrencySign", 4).required().can(CanEq|CanLike|CanOrder),
					text("Name", 50).required(),
					integer("ShowOrder").required().is(IntValue(0)),
					boolean("IsActive").required().is(BoolValue(true)).can(CanEq),
				),
		},
	}
}
