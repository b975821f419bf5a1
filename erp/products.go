package erp

import (
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
)

// Products, their groups and types, and the units they are measured in.

func productSets() []write.Declaration {
	abc := model.NewEnum("General_Products_Product_ABCClass", "A", "B", "C")
	systemUnit := model.NewEnum("General_Products_MeasurementUnit_SystemUnit",
		"Piece", "Kilogram", "Gram", "Litre", "Metre", "Hour", "Day")
	return []write.Declaration{
		{
			Set: model.Root("General_Products_Products", "General_Products_Product", "erp_products").Unguarded().
				ReachedByAll().HiddenOutside("StandardCostPerLot", "CreationUser", "UpdateUser").PricedFrom(rolePrices, "StandardPricePerLot").
				Unique("PartNumber", "EnterpriseCompany").
				Code("PartNumber").Named("Name").Display("{Name:T}").Search("PartNumber", "Name").
				With(
					model.Text("PartNumber", 32).Required().Can(eq|in|like|ord),
					model.Multilingual("Name", 254).Required().Can(ord),
					model.Multilingual("ShortName", 128),
					model.Multilingual("Description", 0),
					model.Text("CatalogDescriptionHtml", 0),
					model.Bool("Active").Required().Is(model.BoolValue(true)).Can(eq),
					model.OneOf("ABCClass", abc).Column("abc_class").Is(model.IntValue(1)),
					model.Bool("IsSerialized").Required().Is(model.BoolValue(false)),
					model.Bool("ShowInCatalog").Required().Is(model.BoolValue(false)).Can(eq|in),
					model.Amount("StandardPricePerLot", 18, 4, "CostingCurrency").Required().Is(model.IntValue(0)),
					model.Amount("StandardCostPerLot", 18, 4, "CostingCurrency").Required().Is(model.IntValue(0)),
					model.Quantity("StandardLotSizeBase", 18, 3, "MeasurementUnit").Required().Is(model.IntValue(1000)),
					model.DateTime("CreationTime").ReadOnly().From(model.FromTime),
					model.Text("CreationUser", 64).ReadOnly().From(model.FromLogin),
					model.DateTime("UpdateTime").ReadOnly(),
					model.Text("UpdateUser", 64).ReadOnly(),
					model.Ref("BaseMeasurementCategory", "General_Products_MeasurementCategories").Required(),
					model.Ref("MeasurementUnit", "General_Products_MeasurementUnits").Required(),
					model.Ref("ProductGroup", "General_Products_ProductGroups").Required(),
					model.Ref("ProductType", "General_Products_ProductTypes").Required(),
					model.Ref("CostingCurrency", "General_Currencies_Currencies"),
					model.Ref("EnterpriseCompany", "General_EnterpriseCompanies"),
				),
			Prepare: prepareProduct,
			Compute: computeProduct,
			Rules: []write.Rule{{Code: "R17342",
				Text:   "EnterpriseCompany of the product must be that of its ProductGroup; set both to the same company, or clear the group's.",
				Broken: productCompany}},
		},

		{
			Set: model.Root("General_Products_ProductGroups", "General_Products_ProductGroup", "erp_product_groups").Unguarded().
				Unique("Code", "EnterpriseCompany").
				Code("Code").Named("Name").Display("{Name:T}").Search("Code", "Name").
				With(
					model.Text("Code", 16).Required().Can(eq|like|ord),
					model.Multilingual("Name", 180).Required(),
					model.Bool("Active").Required().Is(model.BoolValue(true)).Can(eq),
					model.Text("FullPath", 254).Required().ReadOnly().Is(model.TextValue("")).Can(eq|like|ord),
					model.Text("Notes", 254),
					model.Ref("ParentGroup", "General_Products_ProductGroups"),
					model.Ref("EnterpriseCompany", "General_EnterpriseCompanies"),
					model.Ref("DefaultMeasurementUnit", "General_Products_MeasurementUnits"),
				),
			Compute: groupPath,
		},

		{
			Set: model.Root("General_Products_ProductTypes", "General_Products_ProductType", "erp_product_types").Unguarded().
				Unique("Code").
				Code("Code").Named("Name").Display("{Name:T}").Search("Code", "Name").
				With(
					model.Text("Code", 16).Required().Can(eq|like|ord),
					model.Multilingual("Name", 254).Required(),
					model.Bool("IsStocked").Required().Is(model.BoolValue(true)).Can(eq),
					model.Bool("IsShipped").Required().Is(model.BoolValue(false)).Can(eq),
					model.Bool("IsServiced").Required().Is(model.BoolValue(false)).Can(eq),
					model.Bool("IsDefault").Required().Is(model.BoolValue(false)).Can(eq),
				),
		},

		{
			Set: model.Root("General_Products_MeasurementCategories", "General_Products_MeasurementCategory", "erp_measurement_categories").Unguarded().
				Named("Name").Display("{Name:T}").Search("Name").
				Child("Units", "General_Products_MeasurementUnits").
				With(
					model.Multilingual("Name", 64).Required(),
					model.Bool("IsDefault").Required().Is(model.BoolValue(false)).Can(eq),
				),
		},

		{
			Set: model.Part("General_Products_MeasurementUnits", "General_Products_MeasurementUnit", "erp_measurement_units", "MeasurementCategory").
				Unique("Code").
				Code("Code").Named("Name").Display("{Name:T}").Search("Code", "Name").
				With(
					model.Text("Code", 16).Can(eq|like|ord),
					model.Multilingual("Name", 64).Required(),
					model.Decimal("Multiplier", 9, 3).Required().Is(model.IntValue(1000)),
					model.Decimal("Divisor", 9, 3).Required().Is(model.IntValue(1000)),
					model.Bool("IsDefaultUnit").Required().Is(model.BoolValue(false)).Can(eq),
					model.OneOf("SystemUnit", systemUnit),
					model.Ref("MeasurementCategory", "General_Products_MeasurementCategories"),
				),
			Rules: []write.Rule{{Code: "R20141", Text: "Multiplier and Divisor must be greater than zero.",
				Broken: func(c *write.Change) (bool, error) {
					return c.Get("Multiplier").Int <= 0 || c.Get("Divisor").Int <= 0, nil
				}}},
		},
	}
}

// prepareProduct finds the unit from the group or the category, the category
// from the unit, and the default type.
func prepareProduct(c *write.Change) error {
	if !c.Has("MeasurementUnit") {
		if err := c.Take("MeasurementUnit", "ProductGroup", "DefaultMeasurementUnit"); err != nil {
			return err
		}
	}
	if !c.Has("MeasurementUnit") && !c.Has("BaseMeasurementCategory") {
		if err := c.First("BaseMeasurementCategory", "IsDefault", model.BoolValue(true)); err != nil {
			return err
		}
	}
	if !c.Has("MeasurementUnit") && c.Has("BaseMeasurementCategory") {
		err := c.First("MeasurementUnit", "MeasurementCategory", c.Get("BaseMeasurementCategory"), "IsDefaultUnit", model.BoolValue(true))
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
	return c.First("ProductType", "IsDefault", model.BoolValue(true))
}

// computeProduct keeps the unit's category, and who changed the product when.
func computeProduct(c *write.Change) error {
	if err := c.Follow("BaseMeasurementCategory", "MeasurementUnit", "MeasurementCategory"); err != nil {
		return err
	}
	c.Put("UpdateTime", model.IntValue(c.Now().UnixMicro()))
	c.Put("UpdateUser", c.Login())
	return nil
}

func productCompany(c *write.Change) (bool, error) {
	group, err := c.Ref("ProductGroup")
	if err != nil || group == nil {
		return false, err
	}
	company := group.Get(group.Set.Must("EnterpriseCompany"))
	return !company.Null && !company.Equal(c.Get("EnterpriseCompany")), nil
}

// groupPath keeps FullPath as /root/child/: codes from the top down.
func groupPath(c *write.Change) error {
	path := "/"
	parent, err := c.Ref("ParentGroup")
	if err != nil {
		return err
	}
	if parent != nil {
		if parent.ID == c.Record.ID {
			return c.Fail("ParentGroup cannot be the group itself; choose another group, or null.")
		}
		path = parent.Get(parent.Set.Must("FullPath")).Text
	}
	path += c.Get("Code").Text + "/"
	if len(path) > 254 {
		return c.Fail("FullPath would be longer than 254 characters; move the group further up, or shorten its Code.")
	}
	c.Put("FullPath", model.TextValue(path))
	return nil
}
