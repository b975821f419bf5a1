package client_test

import (
	"slices"
	"testing"
	"time"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/tandemtest"
)

// A back end knows which groups somebody is in who asks it for something, and learns
// within seconds that they have left one.
func TestEvidenceTellsGroups(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{})
	if _, err := in.Platform.Permissions.CreateGroup(t.Context(), tandemtest.By, "Pricing", ""); err != nil {
		t.Fatal(err)
	}
	in.Grant("Pricing", "anna")
	provider, err := client.NewProvider(client.ProviderConfig{Issuer: in.Issuer, Clock: in.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	service, err := client.NewServiceTokens(client.ServiceConfig{
		Provider: provider, ApplicationURI: tandemtest.Portal, Credential: client.ServiceSecret(in.ServiceSecret), Clock: in.Clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	evidence, err := client.NewEvidence(client.EvidenceConfig{
		Provider: provider, ApplicationURI: tandemtest.Portal, Service: service, Clock: in.Clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	groups := func(login string) []string {
		t.Helper()
		who, err := evidence.Verify(t.Context(), in.SignIn(login).ID)
		if err != nil {
			t.Fatal(err)
		}
		names, err := evidence.Groups(t.Context(), who)
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	if got := groups("anna"); !slices.Equal(got, []string{"Everybody", "Pricing"}) {
		t.Errorf("anna is in %v", got)
	}
	if got := groups("admin"); !slices.Equal(got, []string{"Administrators", "Everybody"}) {
		t.Errorf("admin is in %v", got)
	}
	if got := groups("paul"); len(got) > 0 {
		t.Errorf("paul, who is external, is in %v", got)
	}
	if err := in.Platform.Permissions.RemoveMember(t.Context(), tandemtest.By, "Pricing", "anna"); err != nil {
		t.Fatal(err)
	}
	in.Advance(client.EvidenceKept + time.Second)
	if got := groups("anna"); slices.Contains(got, "Pricing") {
		t.Errorf("anna has left, and is in %v", got)
	}
}
