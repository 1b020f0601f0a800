package app

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
)

type recorder struct {
	mu     sync.Mutex
	events []string
}

func (r *recorder) part(name string, result error) part {
	return part{name, func(ctx context.Context) error {
		<-ctx.Done()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.events = append(r.events, name)
		return result
	}}
}

func TestParts_StopInReverseOrder(t *testing.T) {
	var r recorder
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := runParts(ctx, []part{r.part("list", nil), r.part("queue", nil), r.part("http", nil)})
	if err != nil || !slices.Equal(r.events, []string{"http", "queue", "list"}) {
		t.Fatalf("stopped %v, %v", r.events, err)
	}
}

func TestParts_OneThatFailsStopsTheOthers(t *testing.T) {
	var r recorder
	broken := part{"queue", func(context.Context) error { return errors.New("disk full") }}
	err := runParts(t.Context(), []part{r.part("list", nil), broken, r.part("http", nil)})
	if err == nil || !strings.Contains(err.Error(), "queue: disk full") {
		t.Fatalf("got %v", err)
	}
	if !slices.Equal(r.events, []string{"http", "list"}) {
		t.Fatalf("stopped %v", r.events)
	}
}
