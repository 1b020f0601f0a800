// Package app builds the parts of the gateway, starts them, and stops them in the reverse order. It alone sees all of them; what they need of each
// other it hands them as functions and small interfaces.
//
// The order of start, each part standing on those before it: stores, sandbox (development only), queue and list, import jobs, dispatch,
// inbound mail, private listener, public listener. One stop: the first signal ends the context; accepted recipients that are not sent yet stay on disk.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"heed/gateway/internal/config"
	"heed/gateway/internal/keys"
	"heed/gateway/internal/queue"
	"heed/suppression/policy"
)

// Options of Run that are no settings.
type Options struct {
	Dev  bool   // development mode: everything on loopback, with an inbox and an SMS simulator
	Info string // development mode: a file that tells addresses and keys once the gateway is ready
	Port int    // development mode: the public port, following ones for the other listeners; 0: free ports; -1: as the settings say
	Out  io.Writer
	Log  *slog.Logger
}

// ErrStopped says that the gateway ran and had to stop, because what it promises could no longer be kept: a disk that cannot be written, for one. What
// was acknowledged is on disk; starting it again is the remedy, once the cause is gone.
var ErrStopped = errors.New("the gateway had to stop")

// Run runs the gateway until ctx ends and everything has stopped. An error is ErrStopped, or says why it could not start.
func Run(ctx context.Context, c config.Config, o Options) error {
	g, err := build(c, o)
	if err != nil {
		return err
	}
	o.Log.Info("ready", "public", g.urls.Public, "private", g.urls.Private)
	for _, gap := range g.gaps() {
		o.Log.Warn(gap)
	}
	g.welcome()
	err = runParts(ctx, g.parts())
	depth := queued(g.queue.Depth())
	if err = errors.Join(err, g.close()); err != nil {
		return fmt.Errorf("%w: %w", ErrStopped, err)
	}
	fmt.Fprintf(o.Out, "heed: stopped; data is safe, %d messages stay queued\n", depth)
	return nil
}

// Check looks at settings as far as that goes without starting anything.
func Check(c config.Config) error {
	_, table := policy.Default().With(c.Policy.Cells)
	_, signers := newSigners(c.Email.DKIM)
	_, password := c.Email.Relay.Password.Reveal()
	_, token := c.SMS.Twilio.AuthToken.Reveal()
	return errors.Join(named("policy.cells", table), named("email.dkim", signers), named("email.relay.password", password), named("sms.twilio.auth_token", token))
}

func named(key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", key, err)
}

// OpenKeys opens the key file of a data folder; the gateway may be running.
func OpenKeys(data string) (*keys.Store, error) {
	if _, err := os.Stat(data); err != nil {
		return nil, fmt.Errorf("no data folder there; start the gateway once, or name its folder with --data: %w", err)
	}
	return keys.Open(filepath.Join(data, "keys.json"), time.Now)
}

func queued(depth map[string]queue.Counts) (n uint64) {
	for _, c := range depth {
		n += c[queue.Queued] + c[queue.Retrying]
	}
	return n
}
