package erp

// Products, their groups and types, and the units they are measured in.

func productSets() []Declaration {
	abc := members("General_Products_Product_ABCClass", "A", "B", "C")
	systemUnit := members("General_Products_MeasurementUnit_SystemUnit",
		"Piece", "Kilogram", "Gram", "Litre", "Metre", "Hour", "Day")
	return []Declaration{
		{
			Set: root("General_Products_Products", "General_Products_Product", "erp_products").
				code("PartNumber").named("Name").display("{Name:T}").search("PartNumber", "Name").
				with(
					text("PartNumber", 32).required().can(CanEq|CanIn|CanLike|CanOrder),
					ml("Name", 254).required(),
					ml("ShortName", 128),
					ml("Description", 0),
					text("CatalogDescriptionHtml", 0),
					boolean("Active").required().is(BoolValue(true)).can(CanEq),
					enum("ABCClass", abc).column("abc_class").is(IntValue(1)),
					boolean("IsSerialized").required().is(BoolValue(false)),
					boolean("ShowInCatalog").required().is(BoolValue(false)).can(CanEq|CanIn),
					amount("StandardPricePerLot", 18, 4, "CostingCurrency").required().is(IntValue(0)),
					amount("StandardCostPerLot", 18, 4, "CostingCurrency").required().is(IntValue(0)),
					quantity("StandardLotSizeBase", 18, 3, "MeasurementUnit").required().is(IntValue(1000)),
					datetime("CreationTime").readOnly().from(FromTime),
					text("CreationUser", 64).readOnly().from(FromLogin),
					datetime("UpdateTime").readOnly(),
					text("UpdateUser", 64).readOnly(),
					ref("BaseMeasurementCategory", "General_Products_MeasurementCategories").required(),
					ref("MeasurementUnit", "General_Products_MeasurementUnits").required(),
					ref("ProductGroup", "General_Products_ProductGroups").required(),
					ref("ProductType", "General_Products_ProductTypes").required(),
					ref("CostingCurrency", "General_Currencies_Currencies"),
					ref("EnterpriseCompany", "General_EnterpriseCompanies"),
				),
			Prepare: prepareProduct,
			Compute: stampUpdate,
			Rules:   []Rule{{"R17342", "EnterpriseCompany of the product must be that of its ProductGroup; set both to the same company, or clear the group's.", productCompany}},
		},

		{
			Set: root("General_Products_ProductGroups", "General_Products_ProductGroup", "erp_product_groups").
				code("Code").named("Name").display("{Name:T}").search("Code", "Name").
				with(
					text("Code", 16).required().can(CanEq|CanLike|CanOrder),
					ml("Name", 180).required(),
					boolean("Active").required().is(BoolValue(true)).can(CanEq),
					text("FullPath", 254).required().readOnly().is(TextValue("")).can(CanEq|CanLike|CanOrder),
					text("Notes", 254),
					ref("ParentGroup", "General_Products_ProductGroups"),
					ref("EnterpriseCompany", "General_EnterpriseCompanies"),
					ref("DefaultMeasurementUnit", "General_Products_MeasurementUnits"),
				),
			Compute: groupPath,
		},

		{
			Set: root("General_Products_ProductTypes", "General_Products_ProductType", "erp_product_types").
				code("Code").named("Name").display("{Name:T}").search("Code", "Name").
				with(
					text("Code", 16).required().can(CanEq|CanLike|CanOrder),
					ml("Name", 254).required(),
					boolean("IsStocked").required().is(BoolValue(true)).can(CanEq),
					boolean("IsShipped").required().is(BoolValue(false)).can(CanEq),
					boolean("IsServiced").required().is(BoolValue(false)).can(CanEq),
					boolean("IsDefault").required().is(BoolValue(false)).can(CanEq),
				),
		},

		{
			Set: root("General_Products_MeasurementCategories", "General_Products_MeasurementCategory", "erp_measurement_categories").
				named("Name").display("{Name:T}").search("Name").
				child("Units", "General_Products_MeasurementUnits").
				with(
					ml("Name", 64).required(),
					boolean("IsDefault").required().is(BoolValue(false)).can(CanEq),
				),
		},

		{
			Set: part("General_Products_MeasurementUnits", "General_Products_MeasurementUnit", "erp_measurement_units", "MeasurementCategory").
				code("Code").named("Name").display("{Name:T}").search("Code", "Name").
				with(
					text("Code", 16).can(CanEq|CanLike|CanOrder),
					ml("Name", 64).required(),
					decimal("Multiplier", 9, 3).required().is(IntValue(1000)),
					decimal("Divisor", 9, 3).required().is(IntValue(1000)),
					boolean("IsDefaultUnit").required().is(BoolValue(false)).can(CanEq),
					enum("SystemUnit", systemUnit),
					ref("MeasurementCategory", "General_Products_MeasurementCategories"),
				),
			Rules: []Rule{{"R20141", "Multiplier and Divisor must be greater than zero.", func(c *Change) (bool, error) {
				return c.Get("Multiplier").Int <= 0 || c.Get("Divisor").Int <= 0, nil
			}}},
		},
	}
}

// prepareProduct finds the unit from the group or the category, the category
// from the unit, and the default type.
func prepareProduct(c *Change) error {
	if !c.Has("MeasurementUnit") {
		if err := c.Take("MeasurementUnit", "ProductGroup", "DefaultMeasurementUnit"); err != nil {
			return err
		}
	}
	if !c.Has("MeasurementUnit") && !c.Has("BaseMeasurementCategory") {
		if err := c.First("BaseMeasurementCategory", "IsDefault", BoolValue(true)); err != nil {
			return err
		}
	}
	if !c.Has("MeasurementUnit") && c.Has("BaseMeasurementCategory") {
		err := c.First("MeasurementUnit", "MeasurementCategory", c.Get("BaseMeasurementCategory"), "IsDefaultUnit", BoolValue(true))
		if err != nil {
			return err
		}
	}
	if !c.Has("BaseMeasurementCategory") {
		if err := c.Take("BaseMeasurementCategory", "MeasurementUnit", "MeasurementCategory"); err != nil {
			return err
		}
	}
	if !c.Has("EnterpriseCompany") && !c.Given("EnterpriseCompany") {
		if err := c.Take("EnterpriseCompany", "ProductGroup", "EnterpriseCompany"); err != nil {
			return err
		}
	}
	if c.Has("ProductType") {
		return nil
	}
	return c.First("ProductType", "IsDefault", BoolValue(true))
}

func stampUpdate(c *Change) error {
	c.Put("UpdateTime", IntValue(c.Now().UnixMicro()))
	c.Put("UpdateUser", c.Login())
	return nil
}

func productCompany(c *Change) (bool, error) {
	group, err := c.Ref("ProductGroup")
	if err != nil || group == nil {
		return false, err
	}
	company := group.Get(group.Set.mustHave("EnterpriseCompany"))
	return !company.Null && !company.Equal(c.Get("EnterpriseCompany")), nil
}

// groupPath keeps FullPath as /root/child/: codes from the top down.
func groupPath(c *Change) error {
	path := "/"
	parent, err := c.Ref("ParentGroup")
	if err != nil {
		return err
	}
	if parent != nil {
		if parent.ID == c.Record.ID {
			return c.Fail("ParentGroup cannot be the group itself; choose another group, or null.")
		}
		path = parent.Get(parent.Set.mustHave("FullPath")).Text
	}
	path += c.Get("Code").Text + "/"
	if len(path) > 254 {
		return c.Fail("FullPath would be longer than 254 characters; move the group further up, or shorten its Code.")
	}
	c.Put("FullPath", TextValue(path))
	return nil
}
