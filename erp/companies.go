package erp

const (
	setEnterpriseCompanies = "General_EnterpriseCompanies"
	setCurrencies          = "General_Currencies_Currencies"
)

// Our own companies (one instance has many), and the currencies.

func companySets() []*Set {
	return []*Set{
		root(setEnterpriseCompanies, "General_EnterpriseCompany", "erp_enterprise_companies").
			code("Company.RegistrationNumber").named("Company.PartyName").
			display("{Company.PartyName:T}").search("Company.PartyName").
			with(
				boolean("IsActive").required().is(BoolValue(true)).can(CanEq),
				ref("Company", setCompanies).required(),
				ref("BaseCurrency", setCurrencies).required(),
			),
	}
}

func currencySets() []*Set {
	return []*Set{
		root(setCurrencies, "General_Currencies_Currency", "erp_currencies").
			code("CurrencySign").named("Name").display("{CurrencySign}").search("CurrencySign", "Name").
			with(
				text("CurrencySign", 4).required().can(CanEq|CanLike|CanOrder),
				text("Name", 50).required(),
				integer("ShowOrder").required().is(IntValue(0)),
				boolean("IsActive").required().is(BoolValue(true)).can(CanEq),
			),
	}
}

// renames are the renamed sets of the standard model whose successors are
// here, chronologically.
var renames = []Rename{
	{"General_DocumentTypes", "Systems_Documents_DocumentTypes", "24.1.5.35"},
	{"General_MeasurementUnits", "General_Products_MeasurementUnits", "24.1.5.35"},
	{"General_Currencies", "General_Currencies_Currencies", "25.1.0.64"},
	{"Crm_Customers", "Crm_Sales_Customers", "25.1.2.28"},
}
