package erp

const setStores = "Logistics_Inventory_Stores"

// Stores, and what is in them.

func inventorySets() []Declaration {
	return []Declaration{
		{
			Set: subtype(setParties, setStores, "Logistics_Inventory_Store", partyStore).
				code("Code").named("Name").search("Code", "PartyName").
				with(
					text("Code", 16).required().can(CanEq|CanLike|CanOrder),
					ml("Name", 254).required(),
					boolean("Unmanaged").required().is(BoolValue(true)),
					ref("StoreGroup", "Logistics_Inventory_StoreGroups").required(),
					ref("EnterpriseCompany", setEnterpriseCompanies),
					ref("Currency", setCurrencies),
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
			Set: root("Logistics_Inventory_StoreGroups", "Logistics_Inventory_StoreGroup", "erp_store_groups").
				code("Code").named("Name").display("{Name:T}").search("Code", "Name").
				with(
					text("Code", 16).required().can(CanEq|CanLike|CanOrder),
					ml("Name", 254).required(),
				),
		},

		{
			Set: view("Logistics_Inventory_CurrentBalances", "Logistics_Inventory_CurrentBalance", "erp_current_balances").
				with(
					quantity("QuantityBase", 38, 3, "Product.MeasurementUnit").required().readOnly().can(CanEq|CanRange),
					amount("BaseCost", 38, 2, "EnterpriseCompany.BaseCurrency").required().readOnly(),
					ref("EnterpriseCompany", setEnterpriseCompanies).required().readOnly(),
					ref("Store", setStores).required().readOnly(),
					ref("Product", setProducts).required().readOnly().filterable(),
				),
		},
	}
}
