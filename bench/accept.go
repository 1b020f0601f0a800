package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// report is what a run has seen.
type report struct {
	calls      int
	recipients int
	took       time.Duration
	latencies  []time.Duration
}

// String is one line: rate, latencies from the call's first byte to the whole answer, and what kind of loop made them.
func (r report) String() string {
	slices.Sort(r.latencies)
	at := func(q float64) time.Duration {
		return r.latencies[int(q*float64(len(r.latencies)-1))].Round(10 * time.Microsecond)
	}
	return fmt.Sprintf("accepted %d recipients in %d calls in %v: %.0f recipients/s durably; a call took p50 %v, p99 %v, max %v (closed loop)",
		r.recipients, r.calls, r.took.Round(time.Millisecond), float64(r.recipients)/r.took.Seconds(), at(0.5), at(0.99), at(1))
}

// accept posts batches of new recipients from each client until the time is over. Any answer but 202, or one that did not accept everybody, ends the run:
// figures of a run with errors say nothing.
func accept(ctx context.Context, o options) (report, error) {
	ctx, cancel := context.WithTimeout(ctx, o.duration)
	defer cancel()
	transport := &http.Transport{MaxIdleConnsPerHost: o.clients, DisableCompression: true}
	defer transport.CloseIdleConnections()
	clients := make([]*client, o.clients)
	errs := make([]error, o.clients)
	began := time.Now()
	var wg sync.WaitGroup
	for i := range clients {
		c := &client{o: o, http: &http.Client{Transport: transport}, name: i}
		clients[i] = c
		wg.Go(func() { errs[i] = c.run(ctx) })
	}
	wg.Wait()
	r := report{took: time.Since(began)}
	for _, c := range clients {
		r.calls += len(c.latencies)
		r.latencies = append(r.latencies, c.latencies...)
	}
	r.recipients = r.calls * o.batch
	if err := errors.Join(errs...); err != nil || r.calls == 0 {
		return r, fmt.Errorf("after %d calls: %w", r.calls, errors.Join(err, ctx.Err()))
	}
	return r, nil
}

// client is one connection's loop.
type client struct {
	o         options
	http      *http.Client
	name      int
	body      []byte
	latencies []time.Duration
}

func (c *client) run(ctx context.Context) error {
	for n := 0; ctx.Err() == nil; n++ {
		c.fill(n)
		began := time.Now()
		// A call under way when the time is over is finished and counted: cutting it would flatter the latencies.
		if err := c.call(context.WithoutCancel(ctx)); err != nil {
			return err
		}
		c.latencies = append(c.latencies, time.Since(began))
	}
	return nil
}

// fill writes the body of this client's n-th call.
func (c *client) fill(n int) {
	c.body = append(c.body[:0], `{"channel":"email","class":"marketing","topic":"bench","from":"bench@example.com","subject":"Bench","text":"Hello {{name}}","recipients":[`...)
	for i := range c.o.batch {
		if i > 0 {
			c.body = append(c.body, ',')
		}
		c.body = append(c.body, `{"to":"c`...)
		for _, part := range []int{c.name, n, i} {
			c.body = append(strconv.AppendInt(c.body, int64(part), 10), '.')
		}
		c.body = append(c.body, `x@example.org","vars":{"name":"Ann"}}`...)
	}
	c.body = append(c.body, `]}`...)
}

func (c *client) call(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, "POST", c.o.url+"/v1/batches", bytes.NewReader(c.body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.o.key)
	req.Header.Set("Content-Type", "application/json")
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	var a struct{ Accepted int }
	if json.Unmarshal(text, &a) != nil || res.StatusCode != http.StatusAccepted || a.Accepted != c.o.batch {
		return fmt.Errorf("%s: %.200s", res.Status, text)
	}
	return nil
}
