package app

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"heed/gateway/internal/catalog"
	"heed/gateway/internal/config"
	"heed/gateway/internal/dispatch"
	"heed/gateway/internal/httpapi"
	"heed/gateway/internal/intake"
	"heed/gateway/internal/keys"
	"heed/gateway/internal/ops"
	"heed/gateway/internal/optout"
	"heed/gateway/internal/optout/mailin"
	"heed/gateway/internal/queue"
	"heed/gateway/internal/transfer"
	"heed/suppression"
	"heed/suppression/policy"
)

// gateway holds the parts.
type gateway struct {
	c       config.Config
	o       Options
	log     *slog.Logger
	metrics *ops.Metrics
	health  health
	dead    chan error // the queue tells here, once, that it can no longer write

	tenants  tenants
	table    *policy.Table
	list     *suppression.List
	queue    *queue.Queue
	keys     *keys.Store
	catalog  *catalog.Catalog
	signer   *optout.Signer
	desk     *optout.Desk
	intake   *intake.Intake
	imports  *transfer.Runner
	dispatch *dispatch.Dispatcher
	public   *httpapi.Server
	mail     *mailin.Server // nil without an inbound listener

	sandbox   *sandboxed // nil outside of development mode
	listeners listeners
	urls      urls
	lanes     []dispatch.Lane
}

// build opens and connects everything; nothing runs yet. What was opened before a fault is closed again.
func build(c config.Config, o Options) (g *gateway, err error) {
	g = &gateway{c: c, o: o, log: o.Log, metrics: ops.NewMetrics(), dead: make(chan error, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, g.close())
		}
	}()
	steps := []func() error{g.listen, g.presetDevelopment, g.openStores, g.openSandbox, g.openRoutes, g.connect, g.openPublic}
	for _, step := range steps {
		if err = step(); err != nil {
			return g, err
		}
	}
	g.watch()
	return g, nil
}

// openStores opens what is on disk, secrets first.
func (g *gateway) openStores() error {
	data := g.c.Data
	if err := os.MkdirAll(data, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	listDir, queueDir := filepath.Join(data, "list"), filepath.Join(data, "queue")
	keys, err := listSecret(g.c)
	if err != nil {
		return err
	}
	tokens, err := ownSecret(filepath.Join(data, "secrets", "tokens.key"), queueDir)
	if err != nil {
		return err
	}
	if g.signer, err = optout.NewSigner(tokens.key); err != nil {
		return err
	}
	if g.table, err = policy.Default().With(g.c.Policy.Cells); err != nil {
		return fmt.Errorf("policy.cells: %w", err)
	}
	g.tenants = newTenants(g.c.Tenants, keys.key)
	if g.keys, err = OpenKeys(data); err != nil {
		return err
	}
	if g.list, err = g.openList(listDir, keys, listFounded(g.c, keys, tokens)); err != nil {
		return err
	}
	if g.queue, err = g.openQueue(queueDir, tokens); err != nil {
		return err
	}
	if err := errors.Join(keys.found(), tokens.found()); err != nil {
		return err
	}
	return g.openImports(filepath.Join(data, "imports"), keys.key)
}

// openList opens the list, or founds it.
func (g *gateway) openList(dir string, s secret, founded bool) (*suppression.List, error) {
	if err := makeFolder(dir, founded); err != nil {
		return nil, err
	}
	l, err := suppression.Open(dir, suppression.Options{
		Secret:         s.key,
		MustExist:      founded,
		Capacity:       g.c.List.Capacity,
		FalsePositives: g.c.List.FalsePositives,
		CacheBytes:     int64(g.c.List.Cache),
		Events: suppression.Events{
			FilterRebuilding: func(why string) { g.log.Info("rebuilding the filter; checks go to the store meanwhile", "why", why) },
			FilterReady: func(keys int, took time.Duration) {
				g.log.Info("filter ready", "addresses", keys, "took", took.Round(time.Millisecond))
			},
			Trouble: func(err error) { g.trouble("list", err) },
		},
	})
	if errors.Is(err, suppression.ErrMissing) {
		return nil, s.lost(dir, err)
	}
	return l, err
}

// openQueue opens the queue, or founds it.
func (g *gateway) openQueue(dir string, s secret) (*queue.Queue, error) {
	if err := makeFolder(dir, s.founded); err != nil {
		return nil, err
	}
	q, err := queue.Open(dir, queue.Options{
		MustExist:   s.founded,
		Now:         time.Now,
		ResultDelay: g.c.Queue.ResultDelay,
		Retention:   g.c.Queue.Retention,
		CacheBytes:  int64(g.c.Queue.Cache),
		MinFree:     uint64(g.c.Intake.MinFree),
		Trouble:     g.queueDied,
	})
	if errors.Is(err, queue.ErrMissing) {
		return nil, s.lost(dir, err)
	}
	return q, err
}

// makeFolder makes the folder of a store that is founded now.
func makeFolder(dir string, founded bool) error {
	if founded {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// trouble tells the operator of a fault, once in a while for the same place.
func (g *gateway) trouble(where string, err error) {
	g.metrics.Trouble(where)
	g.health.note(where, err)
	if dropped, ok := g.health.mayLog(where, time.Now()); ok {
		g.log.Warn("trouble", "where", where, "error", err, "more_since_the_last_line", dropped)
	}
}

// strayKey tells the operator why a key that is listed is refused.
func (g *gateway) strayKey(keyID, tenant string) {
	if _, ok := g.health.mayLog("key "+keyID, time.Now()); ok {
		g.log.Warn("an API key was refused: the settings name no such tenant", "key", keyID, "tenant", tenant)
	}
}

// gaps are what the settings leave out and somebody may miss.
func (g *gateway) gaps() (list []string) {
	say := func(missing bool, text string) {
		if missing {
			list = append(list, text)
		}
	}
	say(g.c.Public.URL == "" && !g.o.Dev, "public.url is not set: marketing mail is refused")
	say(g.c.Email.Relay.Addr == "", "email.relay.addr is not set: mail stays in the queue")
	say(g.c.SMS.Twilio.AccountSID == "", "sms.twilio is not set: texts stay in the queue")
	deaf := g.tenants.deaf()
	say(g.c.SMS.Twilio.AccountSID != "" && len(deaf) > 0, "tenants without sms_numbers cannot be told STOP: "+strings.Join(deaf, ", "))
	say(len(g.c.Email.DKIM) == 0 && !g.o.Dev, "email.dkim is not set: mail goes unsigned")
	return list
}

// queueDied ends the gateway: the queue tells of trouble once, when it can no longer write.
func (g *gateway) queueDied(err error) {
	g.trouble("queue", err)
	g.dead <- fmt.Errorf("queue: %w", err)
}

// close closes what build opened, in reverse. Requires: no part is running.
func (g *gateway) close() error {
	var errs []error
	for _, l := range g.lanes {
		errs = append(errs, l.Sender.Close())
	}
	if g.queue != nil {
		errs = append(errs, g.queue.Close())
	}
	if g.list != nil {
		errs = append(errs, g.list.Close())
	}
	g.listeners.close()
	return errors.Join(errs...)
}
