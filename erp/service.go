package erp

import (
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
)

const (
	setServiceObjects     = "Applications_Service_ServiceObjects"
	setServiceObjectTypes = "Applications_Service_ServiceObjectTypes"
	setServices           = "Applications_Service_Services"
	setServiceTypes       = "Applications_Service_ServiceTypes"
)

// Service: what is serviced, and how. A service object names no customer; whose it is
// is said by the agreements and orders that have it.

func serviceSets(state *model.Enum) []write.Declaration {
	all := []write.Declaration{
		{
			Set: model.Root(setServiceObjects, "Applications_Service_ServiceObject", "erp_service_objects").Unguarded().
				ReachedThrough(setServiceAgreementLines+".ServiceObject", setServiceOrderLines+".ServiceObject", setServiceActivities+".DefaultServiceObject").HiddenOutside("Notes").
				Code("SerialNumber").Named("Name").Display("{Name}").Search("SerialNumber", "Name").
				With(
					model.Text("Name", 254).Required().Can(eq|like|ord),
					model.Text("SerialNumber", 32).Can(eq|like|ord),
					model.Bool("IsActive").Required().Is(model.BoolValue(true)).Can(eq),
					model.Text("Notes", 254),
					model.Ref("Product", setProducts),
					model.Ref("ServiceObjectType", setServiceObjectTypes),
					model.Ref("EnterpriseCompany", setEnterpriseCompanies),
				),
		},

		{
			Set: model.Root(setServiceObjectTypes, "Applications_Service_ServiceObjectType", "erp_service_object_types").Unguarded().
				Named("Name").Display("{Name}").Search("Name").
				With(model.Text("Name", 254).Required().Can(eq | like | ord)),
		},

		{
			Set: model.Root(setServices, "Applications_Service_Service", "erp_services").Unguarded().
				Unique("Code").
				Code("Code").Named("Name").Display("{Name}").Search("Code", "Name").
				With(
					model.Text("Code", 16).Required().Can(eq|like|ord),
					model.Text("Name", 254).Required().Can(eq|like|ord),
					model.Bool("IsActive").Required().Is(model.BoolValue(true)).Can(eq),
					model.Ref("MeasurementUnit", setUnits).Required(),
				),
		},

		{
			Set: model.Root(setServiceTypes, "Applications_Service_ServiceType", "erp_service_types").Unguarded().
				Named("Name").Display("{Name}").Search("Name").
				With(
					model.Text("Name", 254).Required().Can(eq|like|ord),
					model.Bool("IsActive").Required().Is(model.BoolValue(true)).Can(eq),
					model.Bool("IsDefault").Required().Is(model.BoolValue(false)).Can(eq),
				),
		},
	}
	all = append(all, serviceAgreements(state)...)
	all = append(all, serviceOrders(state)...)
	return append(all, serviceActivities(state)...)
}

// ofCustomer is the rule that an agreement which a document names is one with its
// customer.
func ofCustomer(code string) write.Rule {
	return write.Rule{Code: code, Text: "ServiceAgreement must be one with the Customer: choose another, or leave it out.",
		Broken: func(c *write.Change) (bool, error) {
			agreement, err := c.Ref("ServiceAgreement")
			return err == nil && agreement != nil && !get(agreement, "Customer").Equal(c.Get("Customer")), err
		}}
}

// with adds rules to those of all documents.
func with(rules ...write.Rule) []write.Rule {
	return append(documentRules[:len(documentRules):len(documentRules)], rules...)
}
