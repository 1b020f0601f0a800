package config

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

const configs = "../../../configs"

func TestEveryFileInConfigsLoads(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(configs, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in configs: %v", err)
	}
	for _, f := range files {
		if _, err := Load(f); err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
}

func TestSampleStatesTheDefaults(t *testing.T) {
	got, err := Load(filepath.Join(configs, "heed.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if want := Default(); !reflect.DeepEqual(got, want) {
		t.Errorf("configs/heed.yaml differs from Default:\n got %+v\nwant %+v", got, want)
	}
}

func TestSampleDocumentsEveryKey(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(configs, "heed.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keysOf(reflect.TypeOf(Config{})) {
		found := regexp.MustCompile(`(?m)^[ #-]*` + regexp.QuoteMeta(key) + `:`).Match(text)
		if !found {
			t.Errorf("configs/heed.yaml does not name %q", key)
		}
	}
}

// keysOf lists the yaml names of a struct and of the structs below it.
func keysOf(t reflect.Type) []string {
	var keys []string
	for f := range t.Fields() {
		name := f.Tag.Get("yaml")
		if name == "" {
			continue
		}
		keys = append(keys, name)
		inner := f.Type
		if inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct {
			keys = append(keys, keysOf(inner)...)
		}
	}
	return keys
}

func TestUnknownKeyIsAnErrorThatNamesTheLine(t *testing.T) {
	_, err := Parse([]byte("data: x\nqueue:\n  result_delay: 10ms\n  reslut_delay: 20ms\n"))
	if err == nil || !strings.Contains(err.Error(), "reslut_delay") || !strings.Contains(err.Error(), "4") {
		t.Fatalf("want an error that names reslut_delay and line 4, got %v", err)
	}
}

func TestWrongTypeIsAnErrorThatNamesTheLine(t *testing.T) {
	_, err := Parse([]byte("data: x\nretry:\n  tries: many\n"))
	if err == nil || !strings.Contains(err.Error(), "3") {
		t.Fatalf("want an error that names line 3, got %v", err)
	}
}

func TestEmptyFileMeansDefaults(t *testing.T) {
	got, err := Parse(nil)
	if err != nil || !reflect.DeepEqual(got, Default()) {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func TestValidateTellsAllFaultsAtOnce(t *testing.T) {
	_, err := Parse([]byte(`
public: {listen: "0.0.0.0:80"}
private: {listen: "0.0.0.0:81"}
tenants: [{id: "A b"}, {id: x}, {id: x}]
email: {relay: {tls: maybe, username: u, addr: "relay:25"}}
intake: {max_recipients: 0}
retry: {least: 2h}
`))
	if err == nil {
		t.Fatal("no error")
	}
	for _, key := range []string{"public.listen", "private.listen", "tenants[0].id", "tenants[2].id", "email.relay.tls", "email.relay.password", "intake.max_recipients", "retry.least"} {
		if !strings.Contains(err.Error(), key+":") {
			t.Errorf("the error does not name %s:\n%v", key, err)
		}
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	c := Default()
	c.Email.Relay.Password = "hunter2"
	c.SMS.Twilio.AuthToken = "${file:/x}"
	text, err := c.Print()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "hunter2") || strings.Contains(string(text), "/x") {
		t.Errorf("a secret is printed:\n%s", text)
	}
	if !strings.Contains(string(text), "password: '***'") && !strings.Contains(string(text), `password: "***"`) && !strings.Contains(string(text), "password: ***") {
		t.Errorf("the password is not shown as ***:\n%s", text)
	}
}

func TestSecretRevealsFromEnvironmentAndFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	if err := os.WriteFile(path, []byte("from file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HEED_TEST_SECRET", "from env")
	check := func(in Secret, want string) {
		t.Helper()
		got, err := in.Reveal()
		if err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", string(in), got, err, want)
		}
	}
	check("${HEED_TEST_SECRET}", "from env")
	check(Secret("${file:"+path+"}"), "from file")
	check("plain", "plain")
	if _, err := Secret("${HEED_TEST_UNSET}").Reveal(); err == nil || !strings.Contains(err.Error(), "HEED_TEST_UNSET") {
		t.Errorf("an unset variable: got %v", err)
	}
}

func TestBytesReadsSizes(t *testing.T) {
	check := func(in string, want Bytes, ok bool) {
		t.Helper()
		var b Bytes
		err := b.UnmarshalYAML([]byte(in))
		if (err == nil) != ok || ok && b != want {
			t.Errorf("%q: got %d, %v", in, b, err)
		}
	}
	check("1048576", 1<<20, true)
	check("16 MiB", 16<<20, true)
	check(`"1GiB"`, 1<<30, true)
	check("5 B", 5, true)
	check("-1", 0, false)
	check("1 MB", 0, false)
	check("99999999999999 GiB", 0, false)
}
