package httpapi

import (
	"strconv"
	"strings"

	"heed/gateway/internal/catalog"
	"heed/gateway/internal/httpapi/problem"
	"heed/gateway/internal/httpapi/query"
)

// topicBody is the body of POST /v1/topics: a new topic, or a known one under a new name.
type topicBody struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

func (s *Server) putTopic(c *call) error {
	var in topicBody
	if err := c.readJSON(&in); err != nil {
		return err
	}
	t, err := s.o.Catalog.PutTopic(c.principal.Tenant, catalog.Topic{ID: in.ID, Name: in.Name, Description: in.Description})
	if err != nil {
		return err
	}
	return c.respondJSON(201, t)
}

func (s *Server) getTopic(c *call) error {
	t, err := s.o.Catalog.Topic(c.principal.Tenant, c.name())
	if err != nil {
		return err
	}
	return c.respondJSON(200, t)
}

func (s *Server) listTopics(c *call) error {
	limit, err := c.query.Limit()
	if err != nil {
		return err
	}
	list, err := s.o.Catalog.Topics(c.principal.Tenant, c.query["after"], limit+1)
	if err != nil {
		return err
	}
	return c.respondJSON(200, query.Paged(list, limit, func(t catalog.Topic) string { return t.ID }))
}

// archiveTopic is DELETE /v1/topics/{id}: nobody sends to it any more, and nobody who left it is forgotten.
func (s *Server) archiveTopic(c *call) error {
	if err := s.o.Catalog.ArchiveTopic(c.principal.Tenant, c.name()); err != nil {
		return err
	}
	return s.getTopic(c)
}

// templateBody is the body of POST /v1/templates: the next version of a template. Approval and the tag closing are not the author's to give.
type templateBody struct {
	ID        string            `json:"id"`
	Channel   string            `json:"channel"`
	Class     string            `json:"class"`
	Subject   string            `json:"subject"`
	HTML      string            `json:"html"`
	Text      string            `json:"text"`
	Body      string            `json:"body"`
	Variables map[string]string `json:"variables"`
}

func (s *Server) putTemplate(c *call) error {
	var in templateBody
	if err := c.readJSON(&in); err != nil {
		return err
	}
	t, err := s.o.Catalog.PutTemplate(c.principal.Tenant, catalog.Template{
		ID: in.ID, Channel: in.Channel, Class: in.Class, Subject: in.Subject, HTML: in.HTML, Text: in.Text, Body: in.Body, Variables: in.Variables,
	})
	if err != nil {
		return err
	}
	return c.respondJSON(201, t)
}

func (s *Server) getTemplate(c *call) error {
	version := 0
	if raw := c.query["version"]; raw != "" {
		var err error
		if version, err = parseVersion(raw); err != nil {
			return problem.Parameter("version", "Use a version's number, or leave it out for the latest.")
		}
	}
	t, err := s.o.Catalog.Template(c.principal.Tenant, c.name(), version)
	if err != nil {
		return err
	}
	return c.respondJSON(200, t)
}

func (s *Server) listTemplates(c *call) error {
	limit, err := c.query.Limit()
	if err != nil {
		return err
	}
	list, err := s.o.Catalog.Templates(c.principal.Tenant, c.query["after"], limit+1)
	if err != nil {
		return err
	}
	return c.respondJSON(200, query.Paged(list, limit, func(t catalog.Template) string { return t.ID }))
}

// approveBody is the body of an approval. An empty body approves without the tag.
type approveBody struct {
	Closing bool `json:"closing"`
}

// approveTemplate is POST /v1/templates/{id}/versions/{version}/approve, for admins only.
func (s *Server) approveTemplate(c *call) error {
	version, err := parseVersion(c.params[1])
	if err != nil {
		return problem.New("not_found", "A version is a number from 1.")
	}
	var in approveBody
	if c.ctx.Request.Header.ContentLength() != 0 {
		if err := c.readJSON(&in); err != nil {
			return err
		}
	}
	t, err := s.o.Catalog.Approve(c.principal.Tenant, c.name(), version, c.principal.KeyID, in.Closing)
	if err != nil {
		return err
	}
	return c.respondJSON(200, t)
}

func parseVersion(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	if err == nil && n == 0 {
		err = strconv.ErrRange
	}
	return int(n), err
}

// name is the id of a topic or template in the path. Ids may hold "/", for children of a topic; there it is written "~", which no id holds.
func (c *call) name() string { return strings.ReplaceAll(c.params[0], "~", "/") }
