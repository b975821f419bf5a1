package erp

const setStores = "Logistics_Inventory_Stores"

// Stores, and what is in them.

func inventorySets() []Declaration {
	return []Declaration{
		{
			Set: Subtype(setParties, setStores, "Logistics_Inventory_Store", partyStore).
				Unique("Code").
				Code("Code").Named("Name").Search("Code", "PartyName").
				With(
					Text("Code", 16).Required().Can(CanEq|CanLike|CanOrder),
					Multilingual("Name", 254).Required(),
					Bool("Unmanaged").Required().Is(BoolValue(true)),
					Ref("StoreGroup", "Logistics_Inventory_StoreGroups").Required(),
					Ref("EnterpriseCompany", setEnterpriseCompanies),
					Ref("Currency", setCurrencies),
				),
			Prepare: func(c *Change) error {
				if !c.Has("StoreGroup") {
					if err := c.First("StoreGroup"); err != nil {
						return err
					}
				}
				return partyCode(c)
			},
			Compute: partyName("Name", "Code"),
		},

		{
			Set: Root("Logistics_Inventory_StoreGroups", "Logistics_Inventory_StoreGroup", "erp_store_groups").
				Unique("Code").
				Code("Code").Named("Name").Display("{Name:T}").Search("Code", "Name").
				With(
					Text("Code", 16).Required().Can(CanEq|CanLike|CanOrder),
					Multilingual("Name", 254).Required(),
				),
		},

		{
			Set: View("Logistics_Inventory_CurrentBalances", "Logistics_Inventory_CurrentBalance", "erp_current_balances").
				Unique("Product", "Store", "EnterpriseCompany").
				With(
					Quantity("QuantityBase", 38, 3, "Product.MeasurementUnit").Required().ReadOnly().Can(CanEq|CanRange),
					Amount("BaseCost", 38, 2, "EnterpriseCompany.BaseCurrency").Required().ReadOnly(),
					Ref("EnterpriseCompany", setEnterpriseCompanies).Required().ReadOnly(),
					Ref("Store", setStores).Required().ReadOnly(),
					Ref("Product", setProducts).Required().ReadOnly().Filterable(),
				),
		},
	}
}
