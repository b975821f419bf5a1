package erp

import (
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
)

const (
	setServiceAgreements     = "Applications_Service_ServiceAgreements"
	setServiceAgreementLines = "Applications_Service_ServiceAgreementLines"
)

// Service agreements: for how long which objects of a customer are serviced.

func serviceAgreements(state *model.Enum) []write.Declaration {
	agreements := document(setServiceAgreements, "Applications_Service_ServiceAgreement", "erp_service_agreements", setServiceAgreements, state).
		Child("Lines", setServiceAgreementLines).
		Search("DocumentNo", "ReferenceDocumentNo", "Customer.Party.PartyName").
		With(
			model.DateTime("StartDateTime").Required().From(model.FromDay).Can(ge|ord),
			model.DateTime("EndDateTime").Can(ge|ord),
			model.Ref("Customer", setCustomers).Required(),
		).ReachedBy("Customer", roleOrders, "").HiddenOutside("CreationUser", "LinesUpdateUser")
	declared := asDocument(agreements, prepareForCustomer)
	declared.Compute = followCustomer
	declared.Totals = func(c *write.Change) error {
		if err := withinAgreement(c); err != nil {
			return err
		}
		return approve(c)
	}
	declared.Rules = with(before("TS2", "StartDateTime", "EndDateTime"))
	return []write.Declaration{
		declared,
		stateChanges(agreements.Set, "ServiceAgreement", state),

		{
			Set: model.Part(setServiceAgreementLines, "Applications_Service_ServiceAgreementLine", "erp_service_agreement_lines", "ServiceAgreement").
				UniqueWithin("agreement", "LineNo", "ServiceAgreement").
				ReachedWithOwner().
				Code("LineNo").Display("{LineNo}. {ServiceAgreement.DocumentNo}").Search("ServiceAgreement.DocumentNo").
				With(
					model.Int("LineNo").Required().Can(eq|ord),
					model.DateTime("LineStartDateTime").Required().Can(ge),
					model.DateTime("LineEndDateTime").Required().Can(ge),
					model.Decimal("Quantity", 14, 3).Required().Is(model.IntValue(1000)),
					model.Ref("ServiceAgreement", setServiceAgreements),
					model.Ref("ServiceObject", setServiceObjects).Required(),
					model.Ref("ServiceType", setServiceTypes).Required(),
				),
			Prepare: prepareAgreementLine,
			Rules: []write.Rule{
				before("TS3", "LineStartDateTime", "LineEndDateTime"),
				{Code: "TS4", Text: "A line must lie within its agreement: between its StartDateTime and its EndDateTime.", Broken: func(c *write.Change) (bool, error) {
					agreement, err := c.Ref("ServiceAgreement")
					if err != nil {
						return false, err
					}
					end := get(agreement, "EndDateTime")
					return c.Get("LineStartDateTime").Int < get(agreement, "StartDateTime").Int || !end.Null && c.Get("LineEndDateTime").Int > end.Int, nil
				}},
			},
		},
	}
}

// before is the rule that one time is not later than another.
func before(code, first, last string) write.Rule {
	return write.Rule{Code: code, Text: first + " must not be later than " + last + "; change one of them.",
		Broken: func(c *write.Change) (bool, error) {
			from, to := c.Get(first), c.Get(last)
			return !from.Null && !to.Null && from.Int > to.Int, nil
		}}
}

// prepareAgreementLine takes the times of a new line from its agreement, and the
// default type of service.
func prepareAgreementLine(c *write.Change) error {
	if err := c.NextLineNo(); err != nil {
		return err
	}
	for line, agreement := range map[string]string{"LineStartDateTime": "StartDateTime", "LineEndDateTime": "EndDateTime"} {
		if !c.Has(line) {
			if err := c.Take(line, "ServiceAgreement", agreement); err != nil {
				return err
			}
		}
	}
	if c.Has("ServiceType") {
		return nil
	}
	return c.First("ServiceType", "IsDefault", model.BoolValue(true), "IsActive", model.BoolValue(true))
}

// withinAgreement refuses times of an agreement that leave a line out.
func withinAgreement(c *write.Change) error {
	if c.New || !c.Touched("StartDateTime") && !c.Touched("EndDateTime") {
		return nil
	}
	out, err := c.SomePartBefore("Lines", "LineStartDateTime", c.Get("StartDateTime"))
	if err == nil && !out && c.Has("EndDateTime") {
		out, err = c.SomePartAfter("Lines", "LineEndDateTime", c.Get("EndDateTime"))
	}
	if err == nil && out {
		err = c.Fail("lines of %s lie beyond its new times; change them first. (Constraint TS4)", called(c))
	}
	return err
}
