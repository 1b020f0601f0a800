package httpapi

import (
	"context"
	"io"

	"heed/gateway/internal/httpapi/problem"
	"heed/gateway/internal/httpapi/query"
	"heed/gateway/internal/keys"
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

var errNoTransfer = problem.New("not_found", "This gateway does not move lists.")

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
	b, err := c.openBody(0)
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
	format, err := c.query.OneOf("format", formats...)
	if err != nil {
		return ImportOrder{}, err
	}
	if reason := c.query["reason"]; reason != "" {
		if _, bad := readRow(suppressionBody{addressBody{Channel: "sms"}, reason, "any"}); bad != nil {
			return ImportOrder{}, problem.Parameter("reason", bad.Detail)
		}
	}
	channel, err := c.query.OneOf("channel", "email", "sms")
	return ImportOrder{
		Tenant: c.principal.Tenant, Format: format,
		Channel: channel, Reason: c.query["reason"], Topic: c.query["topic"],
		Keys: c.server.o.SoleTenant && c.principal.May(keys.Admin),
	}, err
}

// listImports is GET /v1/suppressions/imports.
func (s *Server) listImports(c *call) error {
	if s.o.Transfer == nil {
		return errNoTransfer
	}
	limit, err := c.query.Limit()
	if err != nil {
		return err
	}
	jobs, err := s.o.Transfer.ImportJobs(c.principal.Tenant, c.query["after"], limit+1)
	if err != nil {
		return err
	}
	return c.respondJSON(200, query.Paged(jobs, limit, func(j ImportJob) string { return j.ID }))
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
	if err := s.soleTenant(); err != nil {
		return err
	}
	format, err := c.query.OneOf("format", "ndjson", "csv")
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
