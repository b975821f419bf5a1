package client_test

import (
	"context"
	"fmt"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/tandemtest"
)

// A program without a browser shows a code, and goes on when its person has decided
// elsewhere.
func ExampleDeviceSignIn() {
	provider, err := client.NewProvider(client.ProviderConfig{Issuer: demo().Issuer})
	if err != nil {
		fmt.Println(err)
		return
	}
	d, err := client.NewDeviceSignIn(client.DeviceConfig{Provider: provider, ApplicationURI: tandemtest.Field})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer d.Close()
	code, err := d.Begin(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("Type %d characters at %s\n", len(code.UserCode), code.VerificationURI[len(demo().URL):])
	ctx, stop := context.WithCancel(context.Background())
	stop() // nobody decides in an example
	_, err = d.Wait(ctx, code)
	fmt.Println(err)
	// Output:
	// Type 9 characters at /id/device
	// context canceled
}
