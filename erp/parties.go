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
			Set: root(setParties, "General_Contacts_Party", "erp_parties").abstract().
				code("PartyCode").named("PartyName").display("{PartyName:T}").search("PartyCode", "PartyName").
				child("ContactMechanisms", "General_Contacts_PartyContactMechanisms").
				with(
					text("PartyCode", 16).required().createOnly().can(CanEq|CanIn|CanLike|CanOrder),
					ml("PartyName", 254).required().readOnly(),
					enum("PartyType", partyType).required().readOnly().can(CanEq|CanIn),
					text("PartyUniqueNumber", 16).readOnly(),
					text("GLN", 13),
					boolean("IsActive").required().is(BoolValue(true)).can(CanEq),
					text("PartyNotes", 254),
					ref("ParentParty", setParties),
				),
		},

		{
			Set: subtype(setParties, setCompanies, "General_Contacts_Company", partyCompany).
				code("RegistrationNumber").named("Name").search("PartyCode", "PartyName", "RegistrationNumber").
				with(
					ml("Name", 254),
					text("RegistrationNumber", 16).can(CanEq|CanLike|CanOrder),
					text("RegistrationVATNumber", 16).can(CanEq),
					ml("RegistrationType", 16),
					ml("City", 64),
					ml("RegistrationPrimaryAddress", 254),
					boolean("IsVATRegistered").required().is(BoolValue(false)),
				),
			Prepare: partyCode,
			Compute: partyName("Name", "RegistrationNumber"),
		},

		{
			Set: subtype(setParties, "General_Contacts_Persons", "General_Contacts_Person", partyPerson).
				code("NationalNumber").search("NationalNumber", "PartyName").
				with(
					ml("FirstName", 64), ml("MiddleName", 64), ml("LastName", 64),
					text("NationalNumber", 16).can(CanEq|CanLike|CanOrder),
					datetime("BirthDate"),
					enum("Gender", gender),
					ml("Title", 32),
				),
			Prepare: partyCode,
			Compute: personName,
		},

		{
			Set: subtype(setParties, setLocations, "General_Contacts_CompanyLocation", partyCompanyLocation).
				named("LocationName").
				with(
					ml("LocationName", 254).required(),
					text("WorkingTime", 254),
					ref("Company", setCompanies).required(),
				),
			Prepare: partyCode,
			Compute: partyName("LocationName", ""),
		},

		{
			Set: part("General_Contacts_PartyContactMechanisms", "General_Contacts_PartyContactMechanism", "erp_contact_mechanisms", "Party").
				named("Name").display("{Name}").search("Name").
				with(
					text("Name", 254).required().can(CanEq|CanLike|CanOrder),
					enum("ContactMechanismType", mechanism).required().is(IntValue(8)).can(CanEq|CanIn),
					boolean("IsDefault").required().is(BoolValue(false)).can(CanEq),
					boolean("IsActive").required().is(BoolValue(true)).can(CanEq),
					integer("LineOrd").required().is(IntValue(0)).can(CanOrder),
					ref("Party", setParties),
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
			v = TextValue(multiLanguage("EN", c.Get(instead).Text))
		}
		if v.Null {
			v = TextValue(multiLanguage("EN", c.Get("PartyCode").Text))
		}
		c.Put("PartyName", v)
		return nil
	}
}

// personName joins first, middle and last name in every language that one of
// them has.
func personName(c *Change) error {
	name := joinLanguages(" ", c.Get("FirstName"), c.Get("MiddleName"), c.Get("LastName"))
	if name == "" {
		return c.Fail("a person needs FirstName or LastName.")
	}
	c.Put("PartyName", TextValue(name))
	return nil
}
