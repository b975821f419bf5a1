package erp

// Parties: companies, persons, locations and stores are all Parties, in one
// table, told apart by PartyType.

const (
	setParties   = "General_Contacts_Parties"
	setCompanies = "General_Contacts_Companies"
	setLocations = "General_Contacts_CompanyLocations"
)

// The discriminators: the numbers of PartyType.
const (
	partyCompany int64 = iota
	partyCompanyLocation
	partyPerson
	partyStore
)

func partySets() []Declaration {
	partyType := members("General_Contacts_PartyType", "Company", "CompanyLocation", "Person", "Store", "CompanyDivision")
	gender := members("General_Contacts_Gender", "Male", "Female", "Other")
	mechanism := members("General_Contacts_ContactMechanismType",
		"Address", "Mail", "Telephone", "MobilePhone", "Fax", "WebSite", "PostalCode", "WebProfile", "Other")
	return []Declaration{
		{
			Set: Root(setParties, "General_Contacts_Party", "erp_parties").Abstract("PartyType").
				Unique("PartyCode").
				Code("PartyCode").Named("PartyName").Display("{PartyName:T}").Search("PartyCode", "PartyName").
				Child("ContactMechanisms", "General_Contacts_PartyContactMechanisms").
				With(
					Text("PartyCode", 16).Required().CreateOnly().Can(CanEq|CanIn|CanLike|CanOrder),
					Multilingual("PartyName", 254).Required().ReadOnly(),
					OneOf("PartyType", partyType).Required().ReadOnly().Can(CanEq|CanIn),
					Text("PartyUniqueNumber", 16).ReadOnly(),
					Text("GLN", 13),
					Bool("IsActive").Required().Is(BoolValue(true)).Can(CanEq),
					Text("PartyNotes", 254),
					Ref("ParentParty", setParties),
				),
		},

		{
			Set: Subtype(setParties, setCompanies, "General_Contacts_Company", partyCompany).
				Unique("RegistrationNumber").
				Code("RegistrationNumber").Named("Name").Search("PartyCode", "PartyName", "RegistrationNumber").
				With(
					Multilingual("Name", 254),
					Text("RegistrationNumber", 16).Can(CanEq|CanLike|CanOrder),
					Text("RegistrationVATNumber", 16).Can(CanEq),
					Multilingual("RegistrationType", 16),
					Multilingual("City", 64),
					Multilingual("RegistrationPrimaryAddress", 254),
					Bool("IsVATRegistered").Required().Is(BoolValue(false)),
				),
			Prepare: partyCode,
			Compute: partyName("Name", "RegistrationNumber"),
		},

		{
			Set: Subtype(setParties, "General_Contacts_Persons", "General_Contacts_Person", partyPerson).
				Unique("NationalNumber").
				Code("NationalNumber").Search("NationalNumber", "PartyName").
				With(
					Multilingual("FirstName", 64), Multilingual("MiddleName", 64), Multilingual("LastName", 64),
					Text("NationalNumber", 16).Can(CanEq|CanLike|CanOrder),
					DateTime("BirthDate"),
					OneOf("Gender", gender),
					Multilingual("Title", 32),
				),
			Prepare: partyCode,
			Compute: personName,
		},

		{
			Set: Subtype(setParties, setLocations, "General_Contacts_CompanyLocation", partyCompanyLocation).
				Named("LocationName").
				With(
					Multilingual("LocationName", 254).Required(),
					Text("WorkingTime", 254),
					Ref("Company", setCompanies).Required(),
				),
			Prepare: partyCode,
			Compute: partyName("LocationName", ""),
		},

		{
			Set: Part("General_Contacts_PartyContactMechanisms", "General_Contacts_PartyContactMechanism", "erp_contact_mechanisms", "Party").
				Named("Name").Display("{Name}").Search("Name").
				With(
					Text("Name", 254).Required().Can(CanEq|CanLike|CanOrder),
					OneOf("ContactMechanismType", mechanism).Required().Is(IntValue(8)).Can(CanEq|CanIn),
					Bool("IsDefault").Required().Is(BoolValue(false)).Can(CanEq),
					Bool("IsActive").Required().Is(BoolValue(true)).Can(CanEq),
					Int("LineOrd").Required().Is(IntValue(0)).Can(CanOrder),
					Ref("Party", setParties),
				),
		},
	}
}

// partyCode numbers a new party that came without a code.
func partyCode(c *Change) error {
	return c.AutoNumber("PartyCode", "P%07d", "")
}

// partyName makes PartyName from a name, or from a plain text where the name
// is missing.
func partyName(from, instead string) func(*Change) error {
	return func(c *Change) error {
		v := c.Get(from)
		if v.Null && instead != "" && c.Has(instead) {
			v = TextValue(MultiLanguage("EN", c.Get(instead).Text))
		}
		if v.Null {
			v = TextValue(MultiLanguage("EN", c.Get("PartyCode").Text))
		}
		c.Put("PartyName", v)
		return nil
	}
}

// personName joins first, middle and last name in every language that one of
// them has.
func personName(c *Change) error {
	name := JoinLanguages(" ", c.Get("FirstName"), c.Get("MiddleName"), c.Get("LastName"))
	if name == "" {
		return c.Fail("a person needs FirstName or LastName.")
	}
	c.Put("PartyName", TextValue(name))
	return nil
}
