package erp

import (
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
)

const (
	setEnterpriseCompanies = "General_EnterpriseCompanies"
	setCurrencies          = "General_Currencies_Currencies"
)

// Our own companies (one instance has many), and the currencies.

func companySets() []write.Declaration {
	return []write.Declaration{
		{
			Set: model.Root(setEnterpriseCompanies, "General_EnterpriseCompany", "erp_enterprise_companies").Guarded("AccessKey").
				ReachedByAll().HiddenOutside("AccessKey").
				Unique("Company").
				Code("Company.RegistrationNumber").Named("Company.PartyName").
				Display("{Company.PartyName:T}").Search("Company.PartyName").
				With(
					model.Bool("IsActive").Required().Is(model.BoolValue(true)).Can(eq),
					model.Ref("Company", setCompanies).Required(),
					model.Ref("BaseCurrency", setCurrencies).Required(),
					accessKey(),
				),
		},
	}
}

func currencySets() []write.Declaration {
	return []write.Declaration{
		{
			Set: model.Root(setCurrencies, "General_Currencies_Currency", "erp_currencies").Unguarded().
				Unique("CurrencySign").
				Code("CurrencySign").Named("Name").Display("{CurrencySign}").Search("CurrencySign", "Name").
				With(
					model.Text("CurrencySign", 4).Required().Can(eq|like|ord),
					model.Text("Name", 50).Required(),
					model.Int("ShowOrder").Required().Is(model.IntValue(0)),
					model.Bool("IsActive").Required().Is(model.BoolValue(true)).Can(eq),
				),
		},
	}
}
