package httpapi

import (
	"context"
	"errors"
	"io"

	"heed/gateway/internal/transfer"
)

// formats are the files that an import takes: those of package transfer, whose lists have a format each, and short names for the usual ones.
var formats = func() []string {
	names := []string{"heed-ndjson", "heed-csv", "sendgrid", "mailgun"}
	for _, f := range transfer.Formats() {
		names = append(names, string(f))
	}
	return names
}()

var errNoTransfer = refuse("not_found", "This gateway does not move lists.")

// createImport is POST /v1/suppressions/imports: the body is kept on disk and worked on afterwards.
func (s *Server) createImport(c *call) error {
	if s.o.Transfer == nil {
		return errNoTransfer
	}
	if _, err := c.needType("text/csv", typeNDJSON, typeJSONL, typeJSON); err != nil {
		return err
	}
	order, err := c.importOrder()
	if err != nil {
		return err
	}
	b, err := openBody(c, 0)
	if err != nil {
		return err
	}
	job, err := s.o.Transfer.Import(s.base, order, b)
	if err != nil {
		return err
	}
	c.header("Location", "/v1/suppressions/imports/"+job.ID)
	return c.respondJSON(202, job)
}

func (c *call) importOrder() (ImportOrder, error) {
	format, err := c.oneOf("format", formats...)
	if err != nil {
		return ImportOrder{}, err
	}
	if reason := c.query["reason"]; reason != "" {
		if _, bad := readRow(suppressionBody{Channel: "sms", Reason: reason, Topic: "any"}); bad != nil {
			return ImportOrder{}, refuseParameter("reason", bad.Detail)
		}
	}
	channel, err := c.oneOf("channel", "email", "sms")
	return ImportOrder{
		Tenant: c.principal.Tenant, KeyID: c.principal.KeyID, Format: format,
		Channel: channel, Reason: c.query["reason"], Topic: c.query["topic"],
	}, err
}

// listImports is GET /v1/suppressions/imports.
func (s *Server) listImports(c *call) error {
	if s.o.Transfer == nil {
		return errNoTransfer
	}
	limit, err := c.limit()
	if err != nil {
		return err
	}
	jobs, err := s.o.Transfer.ImportJobs(c.principal.Tenant, c.query["after"], limit+1)
	if err != nil {
		return err
	}
	return c.respondJSON(200, paged(jobs, limit, func(j ImportJob) string { return j.ID }))
}

// getImport is GET /v1/suppressions/imports/{id}.
func (s *Server) getImport(c *call) error {
	if s.o.Transfer == nil {
		return errNoTransfer
	}
	job, err := s.o.Transfer.ImportJob(c.principal.Tenant, c.params[0])
	if err != nil {
		return err
	}
	return c.respondJSON(200, job)
}

// getImportRejects is GET /v1/suppressions/imports/{id}/rejects.
func (s *Server) getImportRejects(c *call) error {
	if s.o.Transfer == nil {
		return errNoTransfer
	}
	r, err := s.o.Transfer.Rejects(c.principal.Tenant, c.params[0])
	if err != nil {
		return err
	}
	c.stream(typeNDJSON, r)
	return nil
}

// exportSuppressions is GET /v1/suppressions/export: the whole list of the node, keyed digests with their rows.
func (s *Server) exportSuppressions(c *call) error {
	if s.o.Transfer == nil {
		return errNoTransfer
	}
	format, err := c.oneOf("format", "ndjson", "csv")
	if err != nil {
		return err
	}
	kind := typeNDJSON
	if format == "csv" {
		kind = "text/csv"
	}
	c.header("Content-Disposition", `attachment; filename="suppressions.`+format+`"`)
	tenant := c.principal.Tenant
	c.stream(kind, produce(s.base, func(ctx context.Context, w io.Writer) error {
		return s.o.Transfer.Export(ctx, tenant, format, w)
	}))
	return nil
}

// produced is what a writer writes, to be read. Its goroutine ends before Close returns.
type produced struct {
	*io.PipeReader
	cancel context.CancelFunc
	ended  chan struct{}
}

// produce starts write, which is stopped by Close: its context ends and its writes fail.
func produce(ctx context.Context, write func(context.Context, io.Writer) error) *produced {
	ctx, cancel := context.WithCancel(ctx)
	r, w := io.Pipe()
	p := &produced{PipeReader: r, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		w.CloseWithError(guarded(ctx, w, write))
	}()
	return p
}

// guarded turns a panic of write, which would end the process, into an error.
func guarded(ctx context.Context, w io.Writer, write func(context.Context, io.Writer) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("panic while an answer was produced: " + panicType(r))
		}
	}()
	return write(ctx, w)
}

func (p *produced) Close() error {
	p.cancel()
	p.PipeReader.Close()
	<-p.ended
	return nil
}
