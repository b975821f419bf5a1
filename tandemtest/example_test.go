package tandemtest_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/tandemtest"
)

// A test starts an instance, signs people in, and calls the API as they do.
func ExampleStart() {
	test(func(t testing.TB) {
		in := tandemtest.Start(t, tandemtest.Options{})
		tokens := in.SignIn("anna")
		status, count := in.API("GET", "General_Products_Products/$count", tokens.Access, "")
		fmt.Println(status, count)
		status, _ = in.API("GET", "General_Products_Products/$count", "no token", "")
		fmt.Println(status)
	})
	// Output:
	// 200 0
	// 401
}

// The clock is the test's: nothing waits.
func ExampleInstance_Advance() {
	test(func(t testing.TB) {
		in := tandemtest.Start(t, tandemtest.Options{})
		in.API("GET", "", in.ServiceToken(), "")
		fmt.Println(len(in.Sessions(false)), "session")
		in.Advance(tandem.SessionIdle + time.Second)
		fmt.Println(len(in.Sessions(false)), "sessions,", in.Record(tandem.AuditSessionClosed)[0].Actor)
	})
	// Output:
	// 1 session
	// 0 sessions, svc.portal
}

// test runs f as a test would be run.
func test(f func(t testing.TB)) {
	t := &exampleTest{}
	defer func() {
		for i := len(t.cleanups) - 1; i >= 0; i-- {
			t.cleanups[i]()
		}
	}()
	f(t)
}

type exampleTest struct {
	testing.TB // for what nobody calls
	cleanups   []func()
}

func (t *exampleTest) Helper()                           {}
func (t *exampleTest) Context() context.Context          { return context.Background() }
func (t *exampleTest) Output() io.Writer                 { return os.Stderr }
func (t *exampleTest) Cleanup(f func())                  { t.cleanups = append(t.cleanups, f) }
func (t *exampleTest) Error(args ...any)                 { panic(fmt.Sprint(args...)) }
func (t *exampleTest) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }
func (t *exampleTest) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func (t *exampleTest) TempDir() string {
	dir, err := os.MkdirTemp("", "tandem-example-*")
	if err != nil {
		panic(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
