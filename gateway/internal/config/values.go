package config

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Secret is a value that is never printed. In the file it is "${NAME}" (environment), "${file:/path}" (contents of a file,
// trailing line end dropped) or, for trials, the value itself.
type Secret string

// String hides the value.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "***"
}

// MarshalYAML hides the value where settings are printed.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// Reveal returns the value itself, reading the environment or the file it names.
func (s Secret) Reveal() (string, error) {
	name, ok := strings.CutPrefix(string(s), "${")
	if !ok {
		return string(s), nil
	}
	name, ok = strings.CutSuffix(name, "}")
	if !ok {
		return "", fmt.Errorf("%q begins with ${ but has no closing }", "${…")
	}
	if path, isFile := strings.CutPrefix(name, "file:"); isFile {
		b, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("read secret: %w", err)
		}
		return strings.TrimRight(string(b), "\r\n"), nil
	}
	v, set := os.LookupEnv(name)
	if !set {
		return "", fmt.Errorf("environment variable %s is not set", name)
	}
	return v, nil
}

// Bytes is a size: a number of bytes, or a number with KiB, MiB or GiB.
type Bytes int64

var units = []struct {
	name string
	size int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// UnmarshalYAML reads 1048576, "1048576", "1024 KiB" or "1MiB".
func (b *Bytes) UnmarshalYAML(text []byte) error {
	s := strings.Trim(strings.TrimSpace(string(text)), `"'`)
	factor := int64(1)
	for _, u := range units {
		if n, ok := strings.CutSuffix(s, u.name); ok {
			s, factor = strings.TrimSpace(n), u.size
			break
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/factor {
		return fmt.Errorf("%q is not a size: write bytes, or a number with KiB, MiB or GiB", s)
	}
	*b = Bytes(n * factor)
	return nil
}

// MarshalYAML prints the size in the largest unit that divides it.
func (b Bytes) MarshalYAML() (any, error) { return b.String(), nil }

func (b Bytes) String() string {
	for _, u := range units {
		if b != 0 && int64(b)%u.size == 0 {
			return fmt.Sprintf("%d %s", int64(b)/u.size, u.name)
		}
	}
	return "0 B"
}
