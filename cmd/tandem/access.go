package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/hybridapps/tandem/platform"
)

type accessCommands struct {
	Group    groupCommands     `cmd:"" help:"Groups of accounts: only groups are granted anything."`
	Key      accessKeyCommands `cmd:"" help:"Keys that guard rows."`
	Grant    accessGrant       `cmd:"" help:"Grant a group rights on a set, a column, or rows with a key."`
	Revoke   accessRevoke      `cmd:"" help:"Take from a group what it is granted on something."`
	Show     accessShow        `cmd:"" help:"Show what an account may do, and by which groups."`
	Suggest  accessSuggest     `cmd:"" help:"Write the commands that leave an account the rights it has used, and no more."`
	External externalCommands  `cmd:"" help:"What external persons may see: of which customers, in which role."`
}

type externalCommands struct {
	Add    externalAdd    `cmd:"" help:"Let an external person act for a customer, or change what they may see of it."`
	List   externalList   `cmd:"" help:"List the customers of an external person."`
	Remove externalRemove `cmd:"" help:"Take a customer away from an external person."`
}

// externalRow is an external access in JSON. DaysBack is null without limit.
type externalRow struct {
	Login        string `json:"login"`
	Customer     string `json:"customer"`
	CustomerName string `json:"customer_name"`
	Role         string `json:"role"`
	DaysBack     *int   `json:"days_back"`
}

func showExternals(r *run, o output, all []platform.ExternalAccess) error {
	rows := make([]externalRow, len(all))
	for i, a := range all {
		rows[i] = externalRow(a)
	}
	return showList(r.stdout, o, rows, []column[externalRow]{
		{"login", func(a externalRow) string { return a.Login }},
		{"customer", func(a externalRow) string { return a.Customer }},
		{"name", func(a externalRow) string { return a.CustomerName }},
		{"role", func(a externalRow) string { return a.Role }},
		{"days back", func(a externalRow) string { return daysBack(a.DaysBack) }},
	})
}

func daysBack(n *int) string {
	if n == nil {
		return unlimited
	}
	return strconv.Itoa(*n)
}

const unlimited = "unlimited"

type externalAdd struct {
	administering
	output
	dryRun
	Login    string `arg:"" help:"Login of an external user."`
	Customer string `help:"Number of the customer." required:"" placeholder:"NUMBER"`
	Role     string `help:"Basic, Orders, OrdersWithPrices, Billing (invoices) or Admin." default:"OrdersWithPrices" placeholder:"ROLE"`
	DaysBack string `help:"How many days back documents are shown: a number, or unlimited." default:"30" placeholder:"N"`
}

// Run gives an external person a customer.
func (c *externalAdd) Run(ctx context.Context, r *run) error {
	if c.Role == "" {
		return usage("--role is empty: say which role %s has for the customer", c.Login)
	}
	access := platform.ExternalAccess{Login: c.Login, Customer: c.Customer, Role: c.Role}
	if c.DaysBack != unlimited {
		n, err := strconv.Atoi(c.DaysBack)
		if err != nil || n < 0 || n > 36500 {
			return usage("--days-back %q: use a number of days, or unlimited", c.DaysBack)
		}
		access.DaysBack = &n
	}
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		if c.DryRun {
			return rehearseExternal(ctx, r, c.output, a, access)
		}
		made, err := a.AddExternalAccess(ctx, operator(), access)
		if err != nil {
			return err
		}
		return showOne(r.stdout, c.output, externalRow(made), []field{
			{"login", made.Login}, {"customer", made.Customer}, {"customer_name", made.CustomerName}, {"role", made.Role},
			{"days_back", daysBack(made.DaysBack)},
		})
	})
}

type externalList struct {
	administering
	output
	Login string `arg:"" help:"Login of an external user."`
}

// Run lists the customers of an external person.
func (c *externalList) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		all, err := a.ListExternalAccess(ctx, c.Login)
		if err != nil {
			return err
		}
		return showExternals(r, c.output, all)
	})
}

type externalRemove struct {
	administering
	output
	dryRun
	Login    string `arg:"" help:"Login of an external user."`
	Customer string `help:"Number of the customer." required:"" placeholder:"NUMBER"`
}

// Run takes a customer away from an external person.
func (c *externalRemove) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		if c.DryRun {
			return rehearseExternal(ctx, r, c.output, a, platform.ExternalAccess{Login: c.Login, Customer: c.Customer})
		}
		if err := a.RemoveExternalAccess(ctx, operator(), c.Login, c.Customer); err != nil {
			return err
		}
		_, err := fmt.Fprintf(r.stdout, "%s no longer acts for %s\n", c.Login, c.Customer)
		return err
	})
}

// rehearseExternal tells what an external person would gain and lose.
func rehearseExternal(ctx context.Context, r *run, o output, a *platform.Administration, e platform.ExternalAccess) error {
	effect, err := a.RehearseExternalAccess(ctx, e)
	if err != nil {
		return err
	}
	return showEffect(r, o, effect)
}
