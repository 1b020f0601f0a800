package httpapi

import (
	"strings"

	"heed/gateway/internal/httpapi/problem"
	"heed/gateway/internal/httpapi/query"
	"heed/gateway/internal/httpapi/router"
	"heed/gateway/internal/keys"
)

// route is one row of the table that drives routing, authorisation, metric labels and the description's test.
type route struct {
	method    string // GET answers HEAD too
	pattern   string // segments in braces are parameters
	operation string // operation id in openapi.yaml and metric label
	scope     keys.Scope
	limit     int64  // bytes of the decoded body; 0: no body is read, or its handler bounds it piece by piece
	query     string // names of query parameters, separated by spaces
	handle    func(*Server, *call) error
}

// A caller with one of these scopes may do it.
const (
	mayRead      = keys.Read | maySend | keys.Admin
	maySend      = keys.SendMarketing | keys.SendTransactional | keys.SendService | keys.SendMandatory
	mayHandle    = maySend | keys.Admin
	maySeeList   = keys.SuppressRead
	mayWriteList = keys.SuppressWrite
	mayAdmin     = keys.Admin
	public       = 0
)

// Limits of bodies that are read whole. A batch's and a check's are Options.BatchBytes.
const (
	smallBytes   = 64 << 10
	itemsBytes   = 1 << 20
	contentBytes = 2 << 20
	streamed     = 0
)

// routes is the one table.
var routes = []route{
	{"POST", "/v1/batches", "createBatch", maySend, streamed, "dry_run validation results", (*Server).createBatch},
	{"GET", "/v1/batches/{id}", "getBatch", mayRead, 0, "", (*Server).getBatch},
	{"GET", "/v1/batches/{id}/recipients", "listRecipients", mayRead, 0, "state after limit", (*Server).listRecipients},
	{"POST", "/v1/batches/{id}/pause", "pauseBatch", mayHandle, 0, "", (*Server).pauseBatch},
	{"POST", "/v1/batches/{id}/resume", "resumeBatch", mayHandle, 0, "", (*Server).resumeBatch},
	{"POST", "/v1/batches/{id}/cancel", "cancelBatch", mayHandle, 0, "", (*Server).cancelBatch},
	{"POST", "/v1/messages", "createMessage", maySend, contentBytes, "dry_run validation", (*Server).createMessage},
	{"GET", "/v1/messages/{id}", "getMessage", mayRead, 0, "", (*Server).getMessage},

	{"POST", "/v1/suppressions", "addSuppressions", mayWriteList, itemsBytes, "", (*Server).addSuppressions},
	{"GET", "/v1/suppressions", "listSuppressions", mayAdmin, 0, "after limit", (*Server).listSuppressions},
	{"POST", "/v1/suppressions/lookup", "lookUpSuppression", maySeeList, smallBytes, "", (*Server).lookUpSuppression},
	{"POST", "/v1/suppressions/remove", "removeSuppression", mayWriteList, smallBytes, "", (*Server).removeSuppression},
	{"POST", "/v1/suppressions/check", "checkAddresses", maySeeList, streamed, "", (*Server).checkAddresses},
	{"POST", "/v1/suppressions/imports", "createImport", mayWriteList, streamed, "format channel reason topic", (*Server).createImport},
	{"GET", "/v1/suppressions/imports", "listImports", mayWriteList | maySeeList, 0, "after limit", (*Server).listImports},
	{"GET", "/v1/suppressions/imports/{id}", "getImport", mayWriteList | maySeeList, 0, "", (*Server).getImport},
	{"GET", "/v1/suppressions/imports/{id}/rejects", "getImportRejects", mayWriteList | maySeeList, 0, "", (*Server).getImportRejects},
	{"GET", "/v1/suppressions/export", "exportSuppressions", mayAdmin, 0, "format", (*Server).exportSuppressions},

	{"GET", "/v1/topics", "listTopics", keys.All, 0, "after limit", (*Server).listTopics},
	{"POST", "/v1/topics", "putTopic", mayHandle, smallBytes, "", (*Server).putTopic},
	{"GET", "/v1/topics/{id}", "getTopic", keys.All, 0, "", (*Server).getTopic},
	{"DELETE", "/v1/topics/{id}", "archiveTopic", mayAdmin, 0, "", (*Server).archiveTopic},
	{"GET", "/v1/templates", "listTemplates", mayRead, 0, "after limit", (*Server).listTemplates},
	{"POST", "/v1/templates", "putTemplate", mayHandle, contentBytes, "", (*Server).putTemplate},
	{"GET", "/v1/templates/{id}", "getTemplate", mayRead, 0, "version", (*Server).getTemplate},
	{"POST", "/v1/templates/{id}/versions/{version}/approve", "approveTemplate", mayAdmin, smallBytes, "", (*Server).approveTemplate},

	{"GET", "/u/{token}", "showUnsubscribe", public, 0, "*", (*Server).page},
	{"POST", "/u/{token}", "unsubscribe", public, smallBytes, "*", (*Server).click},
	{"GET", "/p/{token}", "showPreferences", public, 0, "*", (*Server).page},
	{"POST", "/p/{token}", "changePreferences", public, smallBytes, "*", (*Server).click},
	{"POST", "/undo", "undoUnsubscribe", public, smallBytes, "*", (*Server).page},
	{"GET", "/assets/heed.css", "getStylesheet", public, 0, "*", (*Server).page},
	{"POST", "/v1/inbound/twilio", "receiveTwilioText", public, smallBytes, "*", (*Server).inbound},
	{"GET", "/openapi.json", "getDescriptionJSON", public, 0, "", (*Server).describeJSON},
	{"GET", "/openapi.yaml", "getDescriptionYAML", public, 0, "", (*Server).describeYAML},
	{"GET", "/problems/{code}", "getProblem", public, 0, "", (*Server).explainProblem},
	{"GET", "/", "getWelcome", public, 0, "", (*Server).welcome},
}

func pattern(r *route) router.Pattern { return router.Pattern{Method: r.method, Path: r.pattern} }

// find sets the call's route and parameters. A path that is known for other methods is a 405 that names them, OPTIONS included: there
// are no cross-origin calls here.
func (s *Server) find(c *call) error {
	path, _, _ := strings.Cut(string(c.ctx.Request.Header.RequestURI()), "?")
	row, params, allow := s.router.Find(string(c.ctx.Method()), path)
	switch {
	case row != nil:
		c.route, c.params = row, params
		return nil
	case allow == "":
		return problem.New("not_found", "There is nothing at this path.")
	}
	p := problem.New("method_not_allowed", "Use one of the methods that Allow names.")
	p.Allow = allow
	return p
}

// parseQuery reads the parameters that the route takes.
func (c *call) parseQuery() (err error) {
	_, raw, _ := strings.Cut(string(c.ctx.Request.Header.RequestURI()), "?")
	c.query, err = query.Parse(raw, c.route.query)
	return err
}
