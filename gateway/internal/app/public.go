package app

import (
	"crypto/rand"
	"time"

	"heed/gateway/internal/catalog"
	"heed/gateway/internal/httpapi"
	"heed/gateway/internal/intake"
	"heed/gateway/internal/optout"
)

// connect makes the parts between the stores and the listeners.
func (g *gateway) connect() (err error) {
	g.catalog = catalog.New(g.queue, time.Now)
	g.desk = optout.NewDesk(optout.Options{List: g.list, Signer: g.signer, Stopped: g.stopped})
	g.intake = intake.New(intake.Options{
		List: g.list, Policy: g.table, Queue: g.queue, Catalog: g.catalog,
		Keyers:          g.tenants.keyers,
		Region:          g.tenants.region,
		From:            g.tenants.from,
		Senders:         g.tenants.maySend,
		AutoTopics:      g.c.Topics.AutoCreate,
		NoLinks:         g.c.Public.URL == "" && !g.o.Dev,
		RequireTemplate: g.c.Intake.RequireTemplate,
		MarketingLife:   g.c.Intake.MarketingLife,
		OtherLife:       g.c.Intake.OtherLife,
		Now:             time.Now,
		Random:          func() (r [10]byte) { rand.Read(r[:]); return r },
	})
	if g.dispatch, err = g.newDispatcher(); err != nil {
		return err
	}
	return g.openMail()
}

// openPublic makes the public front.
func (g *gateway) openPublic() error {
	pages, err := g.openPages()
	if err != nil {
		return err
	}
	texts, err := g.textHandler()
	if err != nil {
		return err
	}
	g.public, err = httpapi.New(httpapi.Options{
		PublicURL:  g.urls.links,
		SoleTenant: len(g.tenants) == 1,
		Keys:       known{g.keys, g.tenants, g.strayKey},
		Intake:     httpapi.FromIntake(g.intake),
		Queue:      g.queue,
		List:       g.list,
		Keyers:     g.tenants.keyers,
		Region:     g.tenants.region,
		Policy:     g.table,
		Catalog:    g.catalog,
		Transfer:   imports{g.imports, g.list, g.tenants.region},
		Page:       pages.Handle,
		Inbound:    texts,
		Log:        g.log,
		Now:        time.Now,
		Observe:    g.metrics.Request,
		BatchBytes: int64(g.c.Intake.MaxBody),

		BatchRecipients: g.c.Intake.MaxRecipients,
	})
	return err
}
