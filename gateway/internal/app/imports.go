package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"heed/gateway/internal/config"
	"heed/gateway/internal/httpapi"
	"heed/gateway/internal/transfer"
	"heed/suppression"
	"heed/suppression/policy"
)

// imports fits the import jobs and the export to the public front.
type imports struct {
	runner *transfer.Runner
	list   *suppression.List
	region func(tenant string) string
}

// formatNames are the API's names of our own formats; the others are called as in package transfer.
var formatNames = map[string]transfer.Format{"heed-csv": transfer.Heed, "heed-ndjson": transfer.Heed, "sendgrid": transfer.SendGridUnsubscribes, "mailgun": transfer.MailgunUnsubscribes}

// Import spools the file and starts its job.
func (i imports) Import(_ context.Context, in httpapi.ImportOrder, body io.Reader) (httpapi.ImportJob, error) {
	d := transfer.Defaults{Format: transfer.Format(in.Format), Region: i.region(in.Tenant), Topic: in.Topic, Keys: in.Keys}
	if own, ok := formatNames[in.Format]; ok {
		d.Format = own
	}
	d.Channel, _ = policy.ParseChannel(in.Channel)
	d.Reason, _ = policy.ParseReason(in.Reason)
	id, err := i.runner.Start(in.Tenant, d, body)
	if err != nil {
		return httpapi.ImportJob{}, err
	}
	return i.ImportJob(in.Tenant, id)
}

// ImportJob tells how far a job is.
func (i imports) ImportJob(tenant, id string) (httpapi.ImportJob, error) {
	s, err := i.runner.Status(tenant, id)
	return jobOf(s), err
}

// ImportJobs lists a tenant's jobs after the one named.
func (i imports) ImportJobs(tenant, after string, limit int) ([]httpapi.ImportJob, error) {
	all, err := i.runner.List(tenant)
	var jobs []httpapi.ImportJob
	for _, s := range all {
		if s.ID > after && len(jobs) < limit {
			jobs = append(jobs, jobOf(s))
		}
	}
	return jobs, err
}

// Rejects reads the rows that a job did not take.
func (i imports) Rejects(tenant, id string) (io.ReadCloser, error) {
	return i.runner.Rejects(tenant, id)
}

// Export writes the list as it stands.
func (i imports) Export(ctx context.Context, _, format string, w io.Writer) error {
	return transfer.Export(ctx, i.list, w, transfer.Shape(format))
}

// ExportList writes the list of a data folder whose gateway is not running, in the shape "ndjson" or "csv".
func ExportList(ctx context.Context, c config.Config, shape string, w io.Writer) error {
	dir := filepath.Join(c.Data, "list")
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("no list to export: %w", err) // nor may one be made by looking for it
	}
	secret, err := listSecret(c)
	if err != nil {
		return err
	}
	list, err := suppression.Open(dir, suppression.Options{Secret: secret.key, MustExist: true})
	if err != nil {
		return err
	}
	return errors.Join(transfer.Export(ctx, list, w, transfer.Shape(shape)), list.Close())
}

func jobOf(s transfer.Status) httpapi.ImportJob {
	return httpapi.ImportJob{
		ID: s.ID, Format: string(s.Defaults.Format), Status: string(s.State), Created: s.Created, Finished: s.Finished,
		Bytes: s.Size, BytesIn: s.Mark.Offset, Rows: s.Added + s.Rejected, Added: s.Added, Rejected: s.Rejected, Reasons: s.Reasons, Detail: s.Detail,
	}
}

func (g *gateway) openImports(dir string, secret []byte) (err error) {
	g.imports, err = transfer.Open(dir, transfer.Options{
		List: g.list, Records: g.queue, Secret: secret, Now: time.Now, MinFree: uint64(g.c.Intake.MinFree),
		Trouble: func(err error) { g.trouble("imports", err) },
	})
	if err != nil {
		return fmt.Errorf("imports: %w", err)
	}
	return nil
}
