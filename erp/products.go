package erp

// Products, their groups and types, and the units they are measured in.

func productSets() []Declaration {
	abc := members("General_Products_Product_ABCClass", "A", "B", "C")
	systemUnit := members("General_Products_MeasurementUnit_SystemUnit",
		"Piece", "Kilogram", "Gram", "Litre", "Metre", "Hour", "Day")
	return []Declaration{
		{
			Set: Root("General_Products_Products", "General_Products_Product", "erp_products").
				Unique("PartNumber", "EnterpriseCompany").
				Code("PartNumber").Named("Name").Display("{Name:T}").Search("PartNumber", "Name").
				With(
					Text("PartNumber", 32).Required().Can(CanEq|CanIn|CanLike|CanOrder),
					Multilingual("Name", 254).Required(),
					Multilingual("ShortName", 128),
					Multilingual("Description", 0),
					Text("CatalogDescriptionHtml", 0),
					Bool("Active").Required().Is(BoolValue(true)).Can(CanEq),
					OneOf("ABCClass", abc).Column("abc_class").Is(IntValue(1)),
					Bool("IsSerialized").Required().Is(BoolValue(false)),
					Bool("ShowInCatalog").Required().Is(BoolValue(false)).Can(CanEq|CanIn),
					Amount("StandardPricePerLot", 18, 4, "CostingCurrency").Required().Is(IntValue(0)),
					Amount("StandardCostPerLot", 18, 4, "CostingCurrency").Required().Is(IntValue(0)),
					Quantity("StandardLotSizeBase", 18, 3, "MeasurementUnit").Required().Is(IntValue(1000)),
					DateTime("CreationTime").ReadOnly().From(FromTime),
					Text("CreationUser", 64).ReadOnly().From(FromLogin),
					DateTime("UpdateTime").ReadOnly(),
					Text("UpdateUser", 64).ReadOnly(),
					Ref("BaseMeasurementCategory", "General_Products_MeasurementCategories").Required(),
					Ref("MeasurementUnit", "General_Products_MeasurementUnits").Required(),
					Ref("ProductGroup", "General_Products_ProductGroups").Required(),
					Ref("ProductType", "General_Products_ProductTypes").Required(),
					Ref("CostingCurrency", "General_Currencies_Currencies"),
					Ref("EnterpriseCompany", "General_EnterpriseCompanies"),
				),
			Prepare: prepareProduct,
			Compute: stampUpdate,
			Rules:   []Rule{{"R17342", "EnterpriseCompany of the product must be that of its ProductGroup; set both to the same company, or clear the group's.", productCompany}},
		},

		{
			Set: Root("General_Products_ProductGroups", "General_Products_ProductGroup", "erp_product_groups").
				Unique("Code", "EnterpriseCompany").
				Code("Code").Named("Name").Display("{Name:T}").Search("Code", "Name").
				With(
					Text("Code", 16).Required().Can(CanEq|CanLike|CanOrder),
					Multilingual("Name", 180).Required(),
					Bool("Active").Required().Is(BoolValue(true)).Can(CanEq),
					Text("FullPath", 254).Required().ReadOnly().Is(TextValue("")).Can(CanEq|CanLike|CanOrder),
					Text("Notes", 254),
					Ref("ParentGroup", "General_Products_ProductGroups"),
					Ref("EnterpriseCompany", "General_EnterpriseCompanies"),
					Ref("DefaultMeasurementUnit", "General_Products_MeasurementUnits"),
				),
			Compute: groupPath,
		},

		{
			Set: Root("General_Products_ProductTypes", "General_Products_ProductType", "erp_product_types").
				Unique("Code").
				Code("Code").Named("Name").Display("{Name:T}").Search("Code", "Name").
				With(
					Text("Code", 16).Required().Can(CanEq|CanLike|CanOrder),
					Multilingual("Name", 254).Required(),
					Bool("IsStocked").Required().Is(BoolValue(true)).Can(CanEq),
					Bool("IsShipped").Required().Is(BoolValue(false)).Can(CanEq),
					Bool("IsServiced").Required().Is(BoolValue(false)).Can(CanEq),
					Bool("IsDefault").Required().Is(BoolValue(false)).Can(CanEq),
				),
		},

		{
			Set: Root("General_Products_MeasurementCategories", "General_Products_MeasurementCategory", "erp_measurement_categories").
				Named("Name").Display("{Name:T}").Search("Name").
				Child("Units", "General_Products_MeasurementUnits").
				With(
					Multilingual("Name", 64).Required(),
					Bool("IsDefault").Required().Is(BoolValue(false)).Can(CanEq),
				),
		},

		{
			Set: Part("General_Products_MeasurementUnits", "General_Products_MeasurementUnit", "erp_measurement_units", "MeasurementCategory").
				Unique("Code").
				Code("Code").Named("Name").Display("{Name:T}").Search("Code", "Name").
				With(
					Text("Code", 16).Can(CanEq|CanLike|CanOrder),
					Multilingual("Name", 64).Required(),
					Decimal("Multiplier", 9, 3).Required().Is(IntValue(1000)),
					Decimal("Divisor", 9, 3).Required().Is(IntValue(1000)),
					Bool("IsDefaultUnit").Required().Is(BoolValue(false)).Can(CanEq),
					OneOf("SystemUnit", systemUnit),
					Ref("MeasurementCategory", "General_Products_MeasurementCategories"),
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
