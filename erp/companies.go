package erp

const (
	setEnterpriseCompanies = "General_EnterpriseCompanies"
	setCurrencies          = "General_Currencies_Currencies"
)

// Our own companies (one instance has many), and the currencies.

func companySets() []Declaration {
	return []Declaration{
		{
			Set: Root(setEnterpriseCompanies, "General_EnterpriseCompany", "erp_enterprise_companies").
				Unique("Company").
				Code("Company.RegistrationNumber").Named("Company.PartyName").
				Display("{Company.PartyName:T}").Search("Company.PartyName").
				With(
					Bool("IsActive").Required().Is(BoolValue(true)).Can(CanEq),
					Ref("Company", setCompanies).Required(),
					Ref("BaseCurrency", setCurrencies).Required(),
				),
		},
	}
}

func currencySets() []Declaration {
	return []Declaration{
		{
			Set: Root(setCurrencies, "General_Currencies_Currency", "erp_currencies").
				Unique("CurrencySign").
				Code("CurrencySign").Named("Name").Display("{CurrencySign}").Search("CurrencySign", "Name").
				With(
					Text("CurrencySign", 4).Required().Can(CanEq|CanLike|CanOrder),
					Text("Name", 50).Required(),
					Int("ShowOrder").Required().Is(IntValue(0)),
					Bool("IsActive").Required().Is(BoolValue(true)).Can(CanEq),
				),
		},
	}
}
