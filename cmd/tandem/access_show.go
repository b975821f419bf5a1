package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/platform"
)

// effectiveRow is what an account may do with a set, in JSON.
type effectiveRow struct {
	On     string `json:"on"`
	Rights string `json:"rights"`
	// Groups are those that it comes from.
	Groups []string `json:"groups"`
	// Used is by which applications, and when; only with --used.
	Used []useRow `json:"used,omitempty"`
}

// accountAccess is what an account may do, in JSON.
type accountAccess struct {
	Login     string         `json:"login"`
	Type      string         `json:"user_type"`
	Groups    []string       `json:"groups"`
	Effective []effectiveRow `json:"effective"`
}

type accessShow struct {
	store
	output
	Login string `arg:"" help:"Login."`
	Used  bool   `help:"Also when each right was last used, how often and by which application, as far as that is kept (400 days)."`
}

// Run shows what an account may do, and by which groups.
func (c *accessShow) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		of, err := a.Permissions.Of(ctx, c.Login)
		if err != nil {
			return err
		}
		shown := accountAccess{Login: of.User.Login, Type: string(of.User.Type), Groups: of.Groups, Effective: []effectiveRow{}}
		lines := []field{{"login", shown.Login}, {"type", shown.Type}, {"groups", strings.Join(of.Groups, ", ")}}
		used, err := c.uses(ctx, a, of.User.ID)
		if err != nil {
			return err
		}
		for _, e := range of.Effective {
			row := effectiveRow{e.Key.Words(), e.Words(), e.Groups, used[e.Key.ID]}
			shown.Effective = append(shown.Effective, row)
			line := fmt.Sprintf("%s %s (%s)", row.Rights, row.On, strings.Join(row.Groups, ", "))
			if c.Used {
				line += usedWords(&e.Key, row.Used)
			}
			lines = append(lines, field{"may", line})
		}
		if of.User.Type == tandem.ExternalCommunityUser {
			lines = append(lines, field{"note", "external users have no access to the API; see tandem access external list " + of.User.Login})
		}
		return showOne(r.stdout, c.output, shown, lines)
	})
}

// uses are those of an account, by key.
func (c *accessShow) uses(ctx context.Context, a *platform.Administration, userID string) (map[string][]useRow, error) {
	by := map[string][]useRow{}
	if !c.Used {
		return by, nil
	}
	err := a.EachUse(ctx, userID, time.Time{}, func(u *permission.Use) error {
		row := useRowOf(u, "", "")
		if u.Key != "" {
			by[u.Key] = append(by[u.Key], row)
			return nil
		}
		by[permission.SetKeyID(u.Set)] = append(by[permission.SetKeyID(u.Set)], row)
		if u.Attribute != "" {
			column := permission.ColumnKeyID(u.Set, u.Attribute)
			by[column] = append(by[column], row)
		}
		return nil
	})
	return by, err
}

// usedWords tell when the rights on a key were used last, each.
func usedWords(k *permission.Key, rows []useRow) string {
	last := map[string]stamp{}
	for _, u := range rows {
		if u.LastUsed.After(last[u.Right].Time) {
			last[u.Right] = u.LastUsed
		}
	}
	if len(last) == 0 && k.Kind == permission.RowKey {
		return "" // which rows were read or changed is not counted
	}
	if len(last) == 0 {
		return "; never used"
	}
	var words []string
	for _, right := range slices.Sorted(maps.Keys(last)) {
		words = append(words, right+" last used "+day(last[right]))
	}
	return "; " + strings.Join(words, ", ")
}
