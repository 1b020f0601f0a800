package intake

import (
	"context"
	"fmt"
	"testing"

	"heed/gateway/internal/batchjson"
	"heed/suppression"
	"heed/suppression/address"
	"heed/suppression/policy"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// P1 on the real list: what was declined before the call is kept back, what is lifted goes out again, and the answers are the same
// before and after the filter is built.
func TestAccept_OnTheRealList(t *testing.T) {
	list, err := suppression.Open("list", suppression.Options{FS: vfs.NewMem(), Secret: secret, Capacity: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- list.Run(ctx) }()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := list.Close(); err != nil {
			t.Error(err)
		}
	}()
	f := setup(t, func(o *Options) { o.List = list })

	var r []batchjson.Recipient
	for i := range 3000 {
		r = append(r, to(fmt.Sprintf("User%d@Example.org", i))...)
	}
	position := f.change(list, suppression.Add, 0, r)
	if got := f.accept(mail(), r); got.Suppressed != 600 || got.Accepted != 2400 {
		t.Errorf("%d suppressed, %d accepted", got.Suppressed, got.Accepted)
	}
	s := mail()
	s.Class = "service"
	if got := f.accept(s, r); got.Accepted != 3000 {
		t.Errorf("service: %d accepted", got.Accepted)
	}
	f.change(list, suppression.Lift, position, r)
	if got := f.accept(mail(), r); got.Accepted != 3000 {
		t.Errorf("lifted: %d accepted", got.Accepted)
	}
}

// change applies op to each fifth recipient and returns the position.
func (f *fixture) change(list *suppression.List, op suppression.Op, observed uint64, r []batchjson.Recipient) uint64 {
	f.t.Helper()
	var changes []suppression.Change
	for i := 0; i < len(r); i += 5 {
		form, err := address.AppendEmail(nil, r[i].To)
		if err != nil {
			f.t.Fatal(err)
		}
		for _, k := range f.list.email.AppendKeys(nil, form, true) {
			changes = append(changes, suppression.Change{
				Key: k, Op: op, Observed: observed, Row: suppression.Row{Reason: policy.UnsubscribeAll, At: noon, Source: suppression.ByAPI},
			})
		}
	}
	position, err := list.Apply(f.t.Context(), changes...)
	if err != nil {
		f.t.Fatal(err)
	}
	return position
}
