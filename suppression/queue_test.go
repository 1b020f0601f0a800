package suppression

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"heed/suppression/internal/store"
)

func proposalOf(n int) *proposal {
	return &proposal{changes: make([]store.Change, n), turn: make(chan role, 1)}
}

func TestQueue_OneLeadsAndHandsOn(t *testing.T) {
	var q queue
	q.init()
	first, second, third := proposalOf(1), proposalOf(1), proposalOf(1)
	enter := func(p *proposal, want role) {
		t.Helper()
		if r, err := q.enter(context.Background(), p); r != want || err != nil {
			t.Fatalf("role %v, %v", r, err)
		}
	}
	enter(first, lead)
	enter(second, follow)
	if group := q.take(); len(group) != 2 {
		t.Fatalf("group of %d", len(group))
	}
	enter(third, follow) // came while the first group was being written
	q.resign()
	if <-third.turn != lead {
		t.Fatal("nobody leads the next group")
	}
	q.take()
	q.resign()
	enter(proposalOf(1), lead)
}

func TestQueue_IsBoundedAndItsWaitersMayLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q queue
		q.init()
		must := func(_ role, err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(q.enter(context.Background(), proposalOf(maxQueued)))
		ctx, cancel := context.WithCancel(context.Background())
		left := make(chan error)
		go func() {
			_, err := q.enter(ctx, proposalOf(1))
			left <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
		entered := make(chan error)
		go func() {
			_, err := q.enter(context.Background(), proposalOf(1))
			entered <- err
		}()
		synctest.Wait()
		q.take()
		if err := <-entered; err != nil {
			t.Fatal(err)
		}
	})
}
