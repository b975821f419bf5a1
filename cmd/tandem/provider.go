package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/federation"
	"github.com/hybridapps/tandem/platform"
)

type providerCommands struct {
	Create  providerCreate  `cmd:"" help:"Register an OpenID provider of others that people may sign in through."`
	List    providerList    `cmd:"" help:"List the outside providers."`
	Show    providerShow    `cmd:"" help:"Show one, with the redirect URI to register there."`
	Update  providerUpdate  `cmd:"" help:"Change one: flags that are not given change nothing."`
	Enable  providerEnable  `cmd:"" help:"Let people sign in through it again."`
	Disable providerDisable `cmd:"" help:"Admit no new sign-in through it."`
	Delete  providerDelete  `cmd:"" help:"Forget it, with its links to users."`
}

// providerRow is an outside provider in JSON.
type providerRow struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Issuer      string   `json:"issuer"`
	ClientID    string   `json:"client_id"`
	HasSecret   bool     `json:"has_client_secret"`
	Scope       string   `json:"scope"`
	TenantClaim string   `json:"tenant_claim"`
	Tenants     []string `json:"tenants"`
	Internal    bool     `json:"allow_internal"`
	External    bool     `json:"allow_external"`
	Link        string   `json:"link"`
	Domains     []string `json:"domains"`
	TrustMFA    bool     `json:"trust_mfa"`
	Enabled     bool     `json:"is_enabled"`
	CreatedAt   stamp    `json:"created_at"`
	CreatedBy   string   `json:"created_by"`
	ChangedAt   stamp    `json:"changed_at"`
	// RedirectPath is what follows the root of the instance in the redirect URI to
	// register at the provider.
	RedirectPath string `json:"redirect_path"`
}

func providerRowOf(p federation.Provider) providerRow {
	return providerRow{
		ID: p.ID, Name: p.Name, Issuer: p.Issuer, ClientID: p.ClientID, HasSecret: len(p.Secret) > 0, Scope: p.Scope.String(),
		TenantClaim: p.TenantClaim, Tenants: notNil(p.Tenants), Internal: p.Internal, External: p.External, Link: linkWord(p.ByEmail),
		Domains: notNil(p.Domains), TrustMFA: p.TrustMFA, Enabled: p.Enabled, CreatedAt: stamp{p.CreatedAt}, CreatedBy: p.CreatedBy,
		ChangedAt: stamp{p.ChangedAt}, RedirectPath: federation.CallbackPath(p.ID),
	}
}

func notNil(words []string) []string {
	if words == nil {
		return []string{}
	}
	return words
}

const (
	linkExplicit = "explicit"
	linkByEmail  = "verified-email"
)

func linkWord(byEmail bool) string {
	if byEmail {
		return linkByEmail
	}
	return linkExplicit
}

func allowWord(internal, external bool) string {
	var words []string
	if internal {
		words = append(words, "internal")
	}
	if external {
		words = append(words, "external")
	}
	return strings.Join(words, ", ")
}

func showProvider(r *run, o output, p federation.Provider) error {
	row := providerRowOf(p)
	return showOne(r.stdout, o, row, []field{
		{"id", row.ID}, {"name", row.Name}, {"issuer", row.Issuer}, {"client_id", row.ClientID}, {"client_secret", tandem.SetOrUnset(row.HasSecret)},
		{"redirect_uri", "the instance's URL with " + row.RedirectPath}, {"scope", row.Scope}, {"allow", allowWord(row.Internal, row.External)},
		{"link", row.Link}, {"domains", strings.Join(row.Domains, " ")}, {"tenant_claim", row.TenantClaim}, {"tenants", strings.Join(row.Tenants, " ")},
		{"trust_mfa", yes(row.TrustMFA)}, {"is_enabled", yes(row.Enabled)}, {"created", then(row.CreatedAt, row.CreatedBy)}, {"changed", row.ChangedAt.String()},
	})
}

// providerFlags are what of a provider can be changed.
type providerFlags struct {
	Name        *string  `help:"What people know it by: Sign in with NAME." placeholder:"TEXT"`
	Issuer      *string  `help:"Its issuer identifier, as in its discovery document: https://accounts.example.com." placeholder:"URL"`
	ClientID    *string  `name:"client-id" help:"What this instance is called there." placeholder:"ID"`
	SecretFile  string   `name:"client-secret-file" help:"File with the client secret (- for standard input)." placeholder:"FILE"`
	Scope       *string  `help:"Scope to ask for; \"openid profile email\" by default." placeholder:"SCOPE"`
	Allow       []string `help:"Whom it may sign in: internal or external users; may repeat." placeholder:"TYPE"`
	Link        *string  `help:"How people are found: explicit (default; linked by an administrator or by themselves), or verified-email." placeholder:"HOW"`
	Domain      []string `help:"Domain of e-mail addresses that it is believed about, * for all; may repeat." placeholder:"DOMAIN"`
	TenantClaim *string  `help:"Claim that names the person's organisation: tid, hd." placeholder:"CLAIM"`
	Tenant      []string `help:"Only people of this organisation; may repeat, all when not given." placeholder:"TENANT"`
	TrustMFA    *bool    `name:"trust-mfa" help:"Take its word (mfa in amr) for the second factor." negatable:""`
}

// apply changes the provider as the flags say.
func (f *providerFlags) apply(p *federation.Provider) error {
	set(&p.Name, f.Name)
	set(&p.Issuer, f.Issuer)
	set(&p.ClientID, f.ClientID)
	set(&p.TenantClaim, f.TenantClaim)
	set(&p.TrustMFA, f.TrustMFA)
	setList(&p.Domains, f.Domain)
	setList(&p.Tenants, f.Tenant)
	if f.Scope != nil {
		p.Scope = tandem.ParseScope(*f.Scope)
	}
	if f.Link != nil {
		if *f.Link != linkExplicit && *f.Link != linkByEmail {
			return usage("--link %q: use %s or %s", *f.Link, linkExplicit, linkByEmail)
		}
		p.ByEmail = *f.Link == linkByEmail
	}
	if f.Allow == nil {
		return nil
	}
	p.Internal, p.External = false, false
	for _, kind := range f.Allow {
		switch kind {
		case "internal":
			p.Internal = true
		case "external":
			p.External = true
		default:
			return usage("--allow %q: use internal or external", kind)
		}
	}
	return nil
}

// secret reads the client secret; nil when none was named.
func (f *providerFlags) secret() (*string, error) {
	if f.SecretFile == "" {
		return nil, nil
	}
	var text []byte
	var err error
	if f.SecretFile == "-" {
		text, err = readAll(os.Stdin)
	} else {
		text, err = os.ReadFile(f.SecretFile)
	}
	if err != nil {
		return nil, fmt.Errorf("client secret file: %w", err)
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" {
		return nil, fmt.Errorf("the client secret file %s is empty", f.SecretFile)
	}
	return &secret, nil
}

type providerCreate struct {
	administering
	output
	ID string `arg:"" help:"What it is called here, such as google: the claim idp of who comes from there."`
	providerFlags
}

// Run registers an outside provider.
func (c *providerCreate) Run(ctx context.Context, r *run) error {
	p := federation.Provider{ID: c.ID}
	if err := c.apply(&p); err != nil {
		return err
	}
	if c.Issuer == nil || c.ClientID == nil || c.Name == nil {
		return usage("say what it is: --name TEXT --issuer URL --client-id ID --client-secret-file FILE --allow internal")
	}
	secret, err := c.secret()
	if err != nil {
		return err
	}
	if secret == nil {
		secret = new(string)
	}
	return c.administer(ctx, r, true, func(a *platform.Administration) error {
		made, err := a.Outside.Create(ctx, operator(), p, *secret)
		if err != nil {
			return err
		}
		return showProvider(r, c.output, made)
	})
}

type providerList struct {
	administering
	output
}

// Run lists the outside providers.
func (c *providerList) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		all, err := a.Outside.List(ctx)
		if err != nil {
			return err
		}
		rows := make([]providerRow, len(all))
		for i, p := range all {
			rows[i] = providerRowOf(p)
		}
		return showList(r.stdout, c.output, rows, []column[providerRow]{
			{"id", func(p providerRow) string { return p.ID }},
			{"name", func(p providerRow) string { return p.Name }},
			{"issuer", func(p providerRow) string { return p.Issuer }},
			{"allow", func(p providerRow) string { return allowWord(p.Internal, p.External) }},
			{"link", func(p providerRow) string { return p.Link }},
			{"enabled", func(p providerRow) string { return yes(p.Enabled) }},
		})
	})
}

// oneProvider is a command that names an outside provider and shows it.
type oneProvider struct {
	administering
	output
	ID string `arg:"" help:"What it is called here."`
}

func (c *oneProvider) do(ctx context.Context, r *run, f func(a *platform.Administration) (federation.Provider, error)) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		p, err := f(a)
		if err != nil {
			return err
		}
		return showProvider(r, c.output, p)
	})
}

type providerShow struct{ oneProvider }

// Run shows an outside provider.
func (c *providerShow) Run(ctx context.Context, r *run) error {
	return c.do(ctx, r, func(a *platform.Administration) (federation.Provider, error) { return a.Outside.Show(ctx, c.ID) })
}

type providerUpdate struct {
	oneProvider
	providerFlags
}

// Run changes an outside provider.
func (c *providerUpdate) Run(ctx context.Context, r *run) error {
	secret, err := c.secret()
	if err != nil {
		return err
	}
	if err := c.apply(&federation.Provider{}); err != nil {
		return err
	}
	return c.do(ctx, r, func(a *platform.Administration) (federation.Provider, error) {
		return a.Outside.Update(ctx, operator(), c.ID, secret, func(p *federation.Provider) { _ = c.apply(p) }) // has been tried
	})
}

type providerEnable struct{ oneProvider }

// Run lets people sign in through it again.
func (c *providerEnable) Run(ctx context.Context, r *run) error {
	return c.do(ctx, r, func(a *platform.Administration) (federation.Provider, error) {
		return a.Outside.Enable(ctx, operator(), c.ID)
	})
}

type providerDisable struct{ oneProvider }

// Run admits no new sign-in through it.
func (c *providerDisable) Run(ctx context.Context, r *run) error {
	return c.do(ctx, r, func(a *platform.Administration) (federation.Provider, error) {
		return a.Outside.Disable(ctx, operator(), c.ID)
	})
}

type providerDelete struct {
	administering
	ID string `arg:"" help:"What it is called here."`
}

// Run forgets an outside provider.
func (c *providerDelete) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		if err := a.Outside.Delete(ctx, operator(), c.ID); err != nil {
			return err
		}
		_, err := fmt.Fprintf(r.stdout, "deleted %s\n", c.ID)
		return err
	})
}
