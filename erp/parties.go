package erp

import (
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
)

// Parties: companies, persons, locations and stores are all Parties, in one
// table, told apart by PartyType.

const (
	setParties   = "General_Contacts_Parties"
	setCompanies = "General_Contacts_Companies"
	setPersons   = "General_Contacts_Persons"
	setLocations = "General_Contacts_CompanyLocations"

	setContactMechanisms = "General_Contacts_PartyContactMechanisms"
)

// The discriminators: the numbers of PartyType.
const (
	partyCompany int64 = iota
	partyCompanyLocation
	partyPerson
	partyStore
)

// mechanismAddress is the number of Address among the ways to reach a party.
const mechanismAddress = 0

func partySets() []write.Declaration {
	partyType := model.NewEnum("General_Contacts_PartyType", "Company", "CompanyLocation", "Person", "Store", "CompanyDivision")
	gender := model.NewEnum("General_Contacts_Gender", "Male", "Female", "Other")
	mechanism := model.NewEnum("General_Contacts_ContactMechanismType",
		"Address", "Mail", "Telephone", "MobilePhone", "Fax", "WebSite", "PostalCode", "WebProfile", "Other")
	return []write.Declaration{
		{
			Set: model.Root(setParties, "General_Contacts_Party", "erp_parties").Abstract("PartyType").Unguarded().
				ReachedFrom("Party", roleBasic).HiddenOutside("PartyNotes").
				Unique("PartyCode").
				Code("PartyCode").Named("PartyName").Display("{PartyName:T}").Search("PartyCode", "PartyName").
				Child("ContactMechanisms", setContactMechanisms).
				With(
					model.Text("PartyCode", 16).Required().CreateOnly().Can(eq|in|like|ord),
					model.Multilingual("PartyName", 254).Required().ReadOnly().Can(ord),
					model.OneOf("PartyType", partyType).Required().ReadOnly().Can(eq|in),
					model.Text("PartyUniqueNumber", 16).ReadOnly(),
					model.Text("GLN", 13),
					model.Bool("IsActive").Required().Is(model.BoolValue(true)).Can(eq),
					model.Text("PartyNotes", 254),
					model.Ref("ParentParty", setParties),
				),
		},

		{
			Set: model.Subtype(setParties, setCompanies, "General_Contacts_Company", partyCompany).
				ReachedFrom("Party", roleBasic).ReachedThrough(setEnterpriseCompanies+".Company"). // who we are is on every document
				Unique("RegistrationNumber").
				Code("RegistrationNumber").Named("Name").Search("PartyCode", "PartyName", "RegistrationNumber").
				With(
					model.Multilingual("Name", 254),
					model.Text("RegistrationNumber", 16).Can(eq|like|ord),
					model.Text("RegistrationVATNumber", 16).Can(eq),
					model.Multilingual("RegistrationType", 16),
					model.Multilingual("City", 64),
					model.Multilingual("RegistrationPrimaryAddress", 254),
					model.Bool("IsVATRegistered").Required().Is(model.BoolValue(false)),
				),
			Prepare: partyCode,
			Compute: partyName("Name", "RegistrationNumber"),
		},

		{
			Set: model.Subtype(setParties, setPersons, "General_Contacts_Person", partyPerson).
				ReachedFrom("Party", roleBasic).
				Unique("NationalNumber").
				Code("NationalNumber").Search("NationalNumber", "PartyName").
				With(
					model.Multilingual("FirstName", 64), model.Multilingual("MiddleName", 64), model.Multilingual("LastName", 64),
					model.Text("NationalNumber", 16).Can(eq|like|ord),
					model.DateTime("BirthDate"),
					model.OneOf("Gender", gender),
					model.Multilingual("Title", 32),
				),
			Prepare: partyCode,
			Compute: personName,
		},

		{
			Set: model.Subtype(setParties, setLocations, "General_Contacts_CompanyLocation", partyCompanyLocation).Guarded("AccessKey").GuardedWith(setEnterpriseCompanies, "Company").
				Named("LocationName").
				With(
					model.Multilingual("LocationName", 254).Required(),
					model.Text("WorkingTime", 254),
					model.Ref("Company", setCompanies).Required(),
					accessKey(),
				),
			Prepare: partyCode,
			Compute: partyName("LocationName", ""),
		},

		{
			Set: model.Part(setContactMechanisms, "General_Contacts_PartyContactMechanism", "erp_contact_mechanisms", "Party").
				ReachedWithOwner().
				Named("Name").Display("{Name}").Search("Name").
				With(
					model.Text("Name", 254).Required().Can(eq|like|ord),
					model.OneOf("ContactMechanismType", mechanism).Required().Is(model.IntValue(8)).Can(eq|in),
					model.Bool("IsDefault").Required().Is(model.BoolValue(false)).Can(eq),
					model.Bool("IsActive").Required().Is(model.BoolValue(true)).Can(eq),
					model.Int("LineOrd").Required().Is(model.IntValue(0)).Can(ord),
					model.Ref("Party", setParties),
				),
		},
	}
}

// partyCode numbers a new party that came without a code.
func partyCode(c *write.Change) error {
	return c.AutoNumber("PartyCode", "P%07d", "")
}

// partyName makes PartyName from a name, or from a plain text where the name
// is missing.
func partyName(from, instead string) func(*write.Change) error {
	return func(c *write.Change) error {
		v := c.Get(from)
		if v.Null && instead != "" && c.Has(instead) {
			v = model.TextValue(model.MultiLanguage("EN", c.Get(instead).Text))
		}
		if v.Null {
			v = model.TextValue(model.MultiLanguage("EN", c.Get("PartyCode").Text))
		}
		c.Put("PartyName", v)
		return nil
	}
}

// personName joins first, middle and last name in every language that one of
// them has.
func personName(c *write.Change) error {
	name := model.JoinLanguages(" ", c.Get("FirstName"), c.Get("MiddleName"), c.Get("LastName"))
	if name == "" {
		return c.Fail("a person needs FirstName or LastName.")
	}
	c.Put("PartyName", model.TextValue(name))
	return nil
}
