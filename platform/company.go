package platform

import (
	"context"
	"fmt"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/base"
	"github.com/hybridapps/tandem/erp/demo"
	"github.com/hybridapps/tandem/erp/write"
)

// Company says who is in the demo company: by their logins, accounts that exist.
type Company struct {
	// By enters the master data, Staff the documents. Without By that is who
	// administers.
	By    string
	Staff []string
	// External users get access to the documents of customers.
	External []External
	// visitKey is what new visits of technicians from outside get; none where it is empty.
	visitKey string
}

// External is a person who sees the documents of a customer.
type External struct {
	Login string
	// Customer chooses among the customers that are busy enough, from 0. Role is Billing
	// where it is empty.
	Customer int
	Role     string
}

// SeedBase makes what an empty ERP needs before people can enter anything:
// currencies, units, document types, a company of ours. What is there stays as it
// is; made tells how many objects were not.
func (a *Administration) SeedBase(ctx context.Context) (made int, err error) {
	model := erpModel()
	by := platformActor(a.config.By)
	err = a.DB.Lock(ctx, seedLock, func(ctx context.Context) error {
		return a.erpStore(model).Transact(ctx, func(tx write.Tx) (err error) {
			made, err = base.Seed(tx, model, by, a.config.Clock.Now())
			return err
		})
	})
	return made, err
}

// platformActor writes to the ERP for whoever administers. There is room for 64 bytes of
// a login.
func platformActor(by tandem.By) write.Actor {
	return write.Platform("", by.Login[:min(len(by.Login), 64)])
}

// seedLock is held by those who fill an ERP: one at a time, on all replicas.
const seedLock = "tandem demo"

// SeedDemoCompany fills an empty ERP with the demo company, without people: those
// who are missing do not get documents.
func (a *Administration) SeedDemoCompany(ctx context.Context) error {
	return a.DB.Lock(ctx, seedLock, func(ctx context.Context) error { return a.SeedCompany(ctx, Company{}) })
}

// SeedCompany fills an empty ERP with the demo company. Where it is there
// already, only accesses that are missing are added.
func (a *Administration) SeedCompany(ctx context.Context, c Company) error {
	by := platformActor(a.config.By)
	if c.By != "" {
		var err error
		if by, err = a.erpActor(ctx, c.By); err != nil {
			return err
		}
	}
	o := demo.Options{Now: a.config.Clock.Now(), By: by}
	for _, login := range c.Staff {
		actor, err := a.erpActor(ctx, login)
		if err != nil {
			return err
		}
		o.Staff = append(o.Staff, actor)
	}
	for _, e := range c.External {
		actor, err := a.erpActor(ctx, e.Login)
		if err != nil {
			return err
		}
		o.ExternalUsers = append(o.ExternalUsers, demo.ExternalUser{UserID: actor.ID, Customer: e.Customer, Role: e.Role})
	}
	model := erpModel()
	store := a.erpStore(model)
	// Rows that are made now are in today's form: the first start need not look.
	if err := store.Refold(ctx); err != nil {
		return err
	}
	if err := store.FollowUsers(ctx, a.users); err != nil {
		return err
	}
	err := store.Transact(ctx, func(tx write.Tx) error {
		made, err := demo.Seed(tx, model, o)
		if err != nil {
			return err
		}
		if err := demo.Service(tx, model, o.By, o.Now, c.visitKey); err != nil || !made.Existing {
			return err
		}
		for _, user := range o.ExternalUsers {
			if _, err := demo.Portal(tx, model, o.By, o.Now, user); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("make the demo company: %w", err)
	}
	return nil
}

func (a *Administration) erpActor(ctx context.Context, login string) (write.Actor, error) {
	u, err := a.users.UserByLogin(ctx, login)
	return write.Platform(u.ID, u.Login), err
}
