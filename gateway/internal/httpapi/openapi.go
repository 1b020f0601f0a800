package httpapi

import (
	_ "embed"
	"sync"

	"github.com/goccy/go-yaml"
)

// description is the API's description, OpenAPI 3.1. A test holds it against the routes, and its examples against a running server.
//
//go:embed openapi.yaml
var description []byte

// descriptionJSON is the same as JSON, made when it is first asked for.
var descriptionJSON = sync.OnceValues(func() ([]byte, error) { return yaml.YAMLToJSON(description) })

func (s *Server) describeYAML(c *call) error {
	c.respond(200, "application/yaml", description)
	return nil
}

func (s *Server) describeJSON(c *call) error {
	raw, err := descriptionJSON()
	if err != nil {
		return err
	}
	c.respond(200, typeJSON, raw)
	return nil
}
