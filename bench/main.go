// Command heed-bench measures a gateway from outside, on the wire only. So far it knows one profile, durable acceptance in a closed loop:
//
//	heed-bench accept --url http://127.0.0.1:8080 --key heed_… [-c 16] [--batch 1000] [--duration 10s]
//
// It refuses targets other than loopback. Exit codes: 0 well, 2 usage, 3 could not run.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/signal"
	"time"
)

func main() {
	if len(os.Args) < 2 || os.Args[1] != "accept" {
		fmt.Fprintln(os.Stderr, "usage: heed-bench accept --url URL --key KEY [-c 16] [--batch 1000] [--duration 10s]")
		os.Exit(2)
	}
	o, err := parse(os.Args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "heed-bench:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	r, err := accept(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "heed-bench:", err)
		os.Exit(3)
	}
	fmt.Println(r)
}

// options of a run.
type options struct {
	url      string
	key      string
	clients  int
	batch    int
	duration time.Duration
}

func parse(args []string) (o options, err error) {
	f := flag.NewFlagSet("accept", flag.ContinueOnError)
	f.StringVar(&o.url, "url", "http://127.0.0.1:8080", "the gateway's public address, on loopback")
	f.StringVar(&o.key, "key", "", "an API key with send:marketing")
	f.IntVar(&o.clients, "c", 16, "connections; each sends its next call when the last is answered")
	f.IntVar(&o.batch, "batch", 1000, "recipients a call")
	f.DurationVar(&o.duration, "duration", 10*time.Second, "how long")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.key == "" || o.clients < 1 || o.batch < 1 || o.batch > 10_000 || o.duration <= 0 {
		return o, fmt.Errorf("want --key, -c from 1, --batch from 1 to 10000 and a --duration")
	}
	return o, onLoopback(o.url)
}

// onLoopback refuses to load anybody else's machine.
func onLoopback(target string) error {
	u, err := url.Parse(target)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(u.Hostname()); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("%s is not on loopback: only a gateway on this machine is measured", u.Host)
	}
	return nil
}
