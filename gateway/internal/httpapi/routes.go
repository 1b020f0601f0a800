package httpapi

import (
	"sort"
	"strings"

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
	{"POST", "/u/{token}", "unsubscribe", public, smallBytes, "*", (*Server).page},
	{"GET", "/p/{token}", "showPreferences", public, 0, "*", (*Server).page},
	{"POST", "/p/{token}", "changePreferences", public, smallBytes, "*", (*Server).page},
	{"POST", "/undo", "undoUnsubscribe", public, smallBytes, "*", (*Server).page},
	{"GET", "/assets/heed.css", "getStylesheet", public, 0, "*", (*Server).page},
	{"POST", "/v1/inbound/twilio", "receiveTwilioText", public, smallBytes, "*", (*Server).inbound},
	{"GET", "/openapi.json", "getDescriptionJSON", public, 0, "", (*Server).describeJSON},
	{"GET", "/openapi.yaml", "getDescriptionYAML", public, 0, "", (*Server).describeYAML},
	{"GET", "/problems/{code}", "getProblem", public, 0, "", (*Server).explainProblem},
	{"GET", "/", "getWelcome", public, 0, "", (*Server).welcome},
}

// router finds a route by path and method. Paths are compared as they came: no decoding, no cleaning, so that a proxy's rules about a
// path and ours concern the same bytes.
type router struct {
	fixed  map[string][]*route
	shaped map[int][]*route // with parameters, by number of segments
}

func newRouter(table []route) *router {
	r := &router{fixed: map[string][]*route{}, shaped: map[int][]*route{}}
	for i := range table {
		row := &table[i]
		if !strings.Contains(row.pattern, "{") {
			r.fixed[row.pattern] = append(r.fixed[row.pattern], row)
			continue
		}
		n := strings.Count(row.pattern, "/")
		r.shaped[n] = append(r.shaped[n], row)
	}
	return r
}

// find sets the call's route and parameters. A path that is known for other methods is a 405
// that names them, OPTIONS included: there are no cross-origin calls here.
func (r *router) find(c *call) error {
	path, _, _ := strings.Cut(string(c.ctx.Request.Header.RequestURI()), "?")
	method := string(c.ctx.Method())
	if method == "HEAD" {
		method = "GET"
	}
	rows := r.fixed[path]
	if rows == nil {
		rows = r.match(path)
	}
	for _, row := range rows {
		if row.method == method {
			c.route = row
			parameters(row.pattern, path, &c.params)
			return nil
		}
	}
	if rows == nil {
		return refuse("not_found", "There is nothing at this path.")
	}
	p := refuse("method_not_allowed", "Use one of the methods that Allow names.")
	p.allow = allowed(rows)
	return p
}

// match gives the rows whose pattern fits the path.
func (r *router) match(path string) (rows []*route) {
	if path == "" || path[0] != '/' { // "*", or a URI with a host, which only proxies are sent
		return nil
	}
	for _, row := range r.shaped[strings.Count(path, "/")] {
		if fits(row.pattern, path) {
			rows = append(rows, row)
		}
	}
	return rows
}

// fits compares segment by segment; a parameter takes 1 to 2,048 unreserved characters (RFC 3986 §2.3). A token takes any, for the
// page that explains broken links has to be shown for them.
func fits(pattern, path string) bool {
	for pattern != "" {
		var want, got string
		want, pattern, _ = strings.Cut(pattern[1:], "/")
		got, path, _ = strings.Cut(path[1:], "/")
		if pattern != "" {
			pattern, path = "/"+pattern, "/"+path
		}
		if want != got && !(want == "{token}" && got != "") && !(want != "" && want[0] == '{' && unreserved(got)) {
			return false
		}
	}
	return true
}

func unreserved(s string) bool {
	return len(s) > 0 && len(s) <= 2048 && strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._~", r))
	}) < 0
}

// parameters takes the values of a pattern's parameters out of a path that fits it.
func parameters(pattern, path string, dst *[2]string) {
	n := 0
	values := strings.Split(path, "/")
	for i, want := range strings.Split(pattern, "/") {
		if strings.HasPrefix(want, "{") {
			dst[n] = values[i]
			n++
		}
	}
}

func allowed(rows []*route) string {
	var methods []string
	for _, row := range rows {
		methods = append(methods, row.method)
		if row.method == "GET" {
			methods = append(methods, "HEAD")
		}
	}
	sort.Strings(methods)
	return strings.Join(methods, ", ")
}
