package erp

import (
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
)

const setStores = "Logistics_Inventory_Stores"

// Stores, and what is in them.

func inventorySets() []write.Declaration {
	return []write.Declaration{
		{
			Set: model.Subtype(setParties, setStores, "Logistics_Inventory_Store", partyStore).Guarded("AccessKey", "EnterpriseCompany.AccessKey").
				Unique("Code").
				Code("Code").Named("Name").Search("Code", "PartyName").
				With(
					model.Text("Code", 16).Required().Can(eq|like|ord),
					model.Multilingual("Name", 254).Required(),
					model.Bool("Unmanaged").Required().Is(model.BoolValue(true)),
					model.Ref("StoreGroup", "Logistics_Inventory_StoreGroups").Required(),
					model.Ref("EnterpriseCompany", setEnterpriseCompanies),
					model.Ref("Currency", setCurrencies),
					accessKey(),
				),
			Prepare: func(c *write.Change) error {
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
			Set: model.Root("Logistics_Inventory_StoreGroups", "Logistics_Inventory_StoreGroup", "erp_store_groups").Unguarded().
				Unique("Code").
				Code("Code").Named("Name").Display("{Name:T}").Search("Code", "Name").
				With(
					model.Text("Code", 16).Required().Can(eq|like|ord),
					model.Multilingual("Name", 254).Required(),
				),
		},

		{
			Set: model.View("Logistics_Inventory_CurrentBalances", "Logistics_Inventory_CurrentBalance", "erp_current_balances").Guarded("Store.AccessKey", "EnterpriseCompany.AccessKey").
				Unique("Product", "Store", "EnterpriseCompany").
				With(
					model.IDOf("Product"), model.IDOf("Store"), model.IDOf("EnterpriseCompany"),
					model.Quantity("QuantityBase", 38, 3, "Product.MeasurementUnit").Required().ReadOnly().Can(eq|ge),
					model.Amount("BaseCost", 38, 2, "EnterpriseCompany.BaseCurrency").Required().ReadOnly(),
					model.Ref("EnterpriseCompany", setEnterpriseCompanies).Required().ReadOnly(),
					model.Ref("Store", setStores).Required().ReadOnly(),
					model.Ref("Product", setProducts).Required().ReadOnly().Filterable(),
				),
		},
	}
}
