package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"heed/gateway/internal/transfer"
)

// fakeTransfer keeps one import.
type fakeTransfer struct {
	order  ImportOrder
	body   string
	fail   error // of Export, after everything was written
	refuse error // of Import
}

func (f *fakeTransfer) job() ImportJob {
	return ImportJob{ID: "imp_1", Format: "heed-csv", Status: "done", Created: noon, Rows: 1, Added: 1}
}

func (f *fakeTransfer) Import(_ context.Context, in ImportOrder, body io.Reader) (ImportJob, error) {
	raw, err := io.ReadAll(body)
	if err != nil || f.refuse != nil {
		return ImportJob{}, errors.Join(err, f.refuse)
	}
	f.order, f.body = in, string(raw)
	return f.job(), nil
}

func (f *fakeTransfer) ImportJob(tenant, id string) (ImportJob, error) {
	if tenant != "acme" || id != "imp_1" {
		return ImportJob{}, transfer.ErrNotFound
	}
	return f.job(), nil
}

func (f *fakeTransfer) ImportJobs(string, string, int) ([]ImportJob, error) {
	return []ImportJob{f.job()}, nil
}

func (f *fakeTransfer) Rejects(string, string) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(`{"line":2,"code":"address_syntax"}` + "\n")), nil
}

func (f *fakeTransfer) Export(ctx context.Context, _, _ string, w io.Writer) error {
	for range 1000 {
		if _, err := io.WriteString(w, `{"key":"00"}`+"\n"); err != nil {
			return err
		}
	}
	return f.fail
}

func TestImport_BodyReachesTheJobAsItIs(t *testing.T) {
	f := &fakeTransfer{}
	w := start(t, func(o *Options) { o.Transfer = f })
	csv := "address,reason\n" + strings.Repeat("gone@example.org,unsubscribe_all\n", 10_000)
	got := w.do("POST", "/v1/suppressions/imports?format=heed-csv&reason=manual_block", "all", "text/csv", csv)
	if got.status != 202 || f.body != csv || f.order.Format != "heed-csv" || f.order.Reason != "manual_block" || f.order.Tenant != "acme" {
		t.Fatalf("%d %s, order %+v, %d bytes of %d", got.status, got.body, f.order, len(f.body), len(csv))
	}
	if got.header.Get("Location") != "/v1/suppressions/imports/imp_1" {
		t.Fatal(got.header)
	}
}

// The formats of the table are those of the description.
func TestImport_FormatsAreDescribed(t *testing.T) {
	p := loadDescription(t).Paths.Value("/v1/suppressions/imports").Post.Parameters.GetByInAndName("query", "format")
	for _, f := range formats {
		if !slices.Contains(p.Schema.Value.Enum, any(f)) {
			t.Errorf("%s is not described", f)
		}
	}
	if len(p.Schema.Value.Enum) != len(formats) {
		t.Errorf("%d formats, %d described", len(formats), len(p.Schema.Value.Enum))
	}
}

func TestImport_RefusedFilesAre4xx(t *testing.T) {
	f := &fakeTransfer{}
	w := start(t, func(o *Options) { o.Transfer = f })
	check := func(err error, query string, status int) {
		t.Helper()
		f.refuse = err
		if got := w.do("POST", "/v1/suppressions/imports?"+query, "all", "text/csv", "a,b\n"); got.status != status {
			t.Errorf("%v: %d %s", err, got.status, got.body)
		}
	}
	check(fmt.Errorf("row 1: %w", transfer.ErrFormat), "", 422)
	check(transfer.ErrTooLarge, "", 413)
	check(nil, "format=xls", 400)
	check(nil, "reason=boredom", 400)
}

func TestImport_AnotherTenantsIsNotFound(t *testing.T) {
	w := start(t, func(o *Options) { o.Transfer = &fakeTransfer{} })
	if got := w.do("GET", "/v1/suppressions/imports/imp_1", "other", "", ""); got.status != 404 {
		t.Fatal(got.status)
	}
}

// A client must see that an export that failed half-way is not the whole list.
func TestExport_AFaultCutsTheAnswerOff(t *testing.T) {
	w := start(t, func(o *Options) { o.Transfer = &fakeTransfer{fail: errors.New("disk")} })
	c := w.dial()
	io.WriteString(c, "GET /v1/suppressions/export HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer all\r\n\r\n")
	raw, err := io.ReadAll(c)
	if err != nil || strings.HasSuffix(string(raw), "0\r\n\r\n") || !strings.Contains(string(raw), `{"key":"00"}`) {
		t.Fatalf("%v, ends %q", err, raw[max(len(raw)-40, 0):])
	}
}
