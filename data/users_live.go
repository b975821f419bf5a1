package data

import (
	"context"

	"github.com/hybridapps/tandem"
)

// UserByLogin implements [registry.Accounts].
func (s *Users) UserByLogin(ctx context.Context, login string) (tandem.User, error) {
	a, err := s.ByLogin(ctx, login)
	return a.User, err
}
