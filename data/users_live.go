package data

import (
	"context"

	"github.com/hybridapps/tandem"
)

// UserByID implements [registry.Users].
func (s *Users) UserByID(ctx context.Context, id string) (tandem.User, error) {
	a, err := s.ByID(ctx, id)
	return a.User, err
}

// UserByLogin implements [registry.Accounts].
func (s *Users) UserByLogin(ctx context.Context, login string) (tandem.User, error) {
	a, err := s.ByLogin(ctx, login)
	return a.User, err
}
