package prove

import (
	"context"
	"errors"
	"runtime"
)

// i8: each half runs without the other's credential and store.
func (r *run) i8(ctx context.Context) {
	r.core(ctx, "I8", "one half has what is the other's", func(ctx context.Context) (outcome, error) {
		in, err := r.inside()
		if err != nil {
			return outcome{}, err
		}
		if runtime.GOOS != "linux" {
			return outcome{}, errors.New("the processes are looked at through /proc, which only Linux has")
		}
		found, unseen, err := in.Halves(ctx)
		if err != nil {
			return outcome{}, err
		}
		o := outcome{verdict: Holds, sent: Plain("look at environment, command line, open files and folder of both halves"), answered: Plain("nothing of the other half")}
		switch {
		case len(found) > 0:
			o.verdict, o.why, o.answered = Fails, list(found), r.secrets.Show(list(found))
		case len(unseen) > 0:
			return o, errors.New("not seen: " + list(unseen))
		}
		return o, nil
	})
}
