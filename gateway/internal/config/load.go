package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"

	"github.com/goccy/go-yaml"
)

// maxFile bounds the settings file.
const maxFile = 1 << 20

// Load reads the file over Default and validates the result. Errors name the line (unknown keys, wrong types) or the key
// path (values that cannot work), each with its remedy.
func Load(path string) (Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return Config{}, fmt.Errorf("open settings: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return Config{}, fmt.Errorf("read settings: %w", err)
	}
	if len(text) > maxFile {
		return Config{}, fmt.Errorf("settings %s: larger than %d bytes", path, maxFile)
	}
	c, err := Parse(text)
	if err != nil {
		return Config{}, fmt.Errorf("settings %s:\n%w", path, err)
	}
	return c, nil
}

// Parse reads settings over Default and validates them.
func Parse(text []byte) (Config, error) {
	c := Default()
	d := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict())
	if err := d.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return Config{}, errors.New(yaml.FormatError(err, false, true))
	}
	if reflect.ValueOf(c).IsZero() { // a document of comments alone decodes to nothing
		c = Default()
	}
	return c, c.Validate()
}

// Print returns the settings as YAML, secrets hidden.
func (c Config) Print() ([]byte, error) { return yaml.Marshal(c) }
