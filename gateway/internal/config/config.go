// Package config is the gateway's one settings file: its fields, their defaults, how it is read and what is refused. Every key is described with
// unit, default and range in configs/heed.yaml, and a test keeps that file and this package the same. Only app and cli see this package; the parts take
// their own Options.
package config

import "time"

// Config is the whole of the settings.
type Config struct {
	Data     string   `yaml:"data"`
	Public   Public   `yaml:"public"`
	Private  Private  `yaml:"private"`
	Inbound  Inbound  `yaml:"inbound"`
	Tenants  []Tenant `yaml:"tenants"`
	Email    Email    `yaml:"email"`
	SMS      SMS      `yaml:"sms"`
	Intake   Intake   `yaml:"intake"`
	Topics   Topics   `yaml:"topics"`
	Policy   Policy   `yaml:"policy"`
	List     List     `yaml:"suppression"`
	Queue    Queue    `yaml:"queue"`
	Retry    Retry    `yaml:"retry"`
	Shutdown Shutdown `yaml:"shutdown"`
	Log      Log      `yaml:"log"`
}

// Public is the listener for the API, the unsubscribe pages and the providers' webhooks.
type Public struct {
	Listen      string `yaml:"listen"`
	URL         string `yaml:"url"`
	BehindProxy bool   `yaml:"behind_proxy"`
}

// Private is the operators' listener: metrics, health, profiles.
type Private struct {
	Listen string `yaml:"listen"`
}

// Inbound is the SMTP listener for mailto: unsubscribes.
type Inbound struct {
	Listen string `yaml:"listen"`
	Domain string `yaml:"domain"`
}

// Tenant is a brand on whose behalf messages go.
type Tenant struct {
	ID            string   `yaml:"id"`
	Name          string   `yaml:"name"`
	DefaultRegion string   `yaml:"default_region"`
	EmailFrom     string   `yaml:"email_from"`
	SMSFrom       string   `yaml:"sms_from"`
	SMSNumbers    []string `yaml:"sms_numbers"`
	Senders       []string `yaml:"senders"`
}

// Email is the way out for mail.
type Email struct {
	Relay Relay  `yaml:"relay"`
	DKIM  []DKIM `yaml:"dkim"`
}

// Relay is the SMTP server that takes our mail.
type Relay struct {
	Addr        string        `yaml:"addr"`
	TLS         string        `yaml:"tls"`
	Username    string        `yaml:"username"`
	Password    Secret        `yaml:"password"`
	Hello       string        `yaml:"hello"`
	Connections int           `yaml:"connections"`
	PerConn     int           `yaml:"messages_per_connection"`
	IdleTimeout time.Duration `yaml:"idle_timeout"`
	DialTimeout time.Duration `yaml:"dial_timeout"`
	Timeout     time.Duration `yaml:"command_timeout"`
	DataTimeout time.Duration `yaml:"data_timeout"`
}

// DKIM is one signing key.
type DKIM struct {
	Domain   string `yaml:"domain"`
	Selector string `yaml:"selector"`
	KeyFile  string `yaml:"key_file"`
}

// SMS is the way out for texts.
type SMS struct {
	Twilio Twilio `yaml:"twilio"`
}

// Twilio is an account with Twilio.
type Twilio struct {
	AccountSID          string        `yaml:"account_sid"`
	AuthToken           Secret        `yaml:"auth_token"`
	MessagingServiceSID string        `yaml:"messaging_service_sid"`
	BaseURL             string        `yaml:"base_url"`
	Timeout             time.Duration `yaml:"timeout"`
	Connections         int           `yaml:"connections"`
}

// Intake bounds what a call may ask.
type Intake struct {
	MaxRecipients   int           `yaml:"max_recipients"`
	MaxBody         Bytes         `yaml:"max_body"`
	MarketingLife   time.Duration `yaml:"marketing_life"`
	OtherLife       time.Duration `yaml:"other_life"`
	RequireTemplate bool          `yaml:"require_template"`
	MinFree         Bytes         `yaml:"min_free_disk"`
}

// Topics says how topics come into being.
type Topics struct {
	AutoCreate bool `yaml:"auto_create"`
}

// Policy holds the operator's changes to the decision table.
type Policy struct {
	Cells map[string]string `yaml:"cells"`
}

// List is the suppression list.
type List struct {
	SecretFile     string  `yaml:"secret_file"`
	Capacity       int     `yaml:"capacity"`
	FalsePositives float64 `yaml:"false_positives"`
	Cache          Bytes   `yaml:"cache"`
}

// Queue is the queue of accepted recipients.
type Queue struct {
	ResultDelay time.Duration `yaml:"result_delay"`
	Retention   time.Duration `yaml:"retention"`
	Cache       Bytes         `yaml:"cache"`
}

// Retry is the plan after a temporary refusal.
type Retry struct {
	Least time.Duration `yaml:"least"`
	First time.Duration `yaml:"first"`
	Max   time.Duration `yaml:"max"`
	Tries int           `yaml:"tries"`
}

// Shutdown bounds the drain.
type Shutdown struct {
	Grace time.Duration `yaml:"grace"`
}

// Log says what is logged and how.
type Log struct {
	Level  string `yaml:"level"`
	Format string `yaml:"format"`
}

// Default returns the settings that hold where the file says nothing.
func Default() Config {
	return Config{
		Data:    "data",
		Public:  Public{Listen: "127.0.0.1:8080"},
		Private: Private{Listen: "127.0.0.1:8081"},
		Tenants: []Tenant{{ID: "default", Name: "Default"}},
		Email: Email{Relay: Relay{
			TLS: "starttls", Connections: 32, PerConn: 1000, IdleTimeout: 30 * time.Second,
			DialTimeout: 30 * time.Second, Timeout: 5 * time.Minute, DataTimeout: 10 * time.Minute,
		}},
		SMS: SMS{Twilio: Twilio{BaseURL: "https://api.twilio.com", Timeout: 15 * time.Second, Connections: 16}},
		Intake: Intake{
			MaxRecipients: 10_000, MaxBody: 16 << 20, MarketingLife: 24 * time.Hour, OtherLife: 96 * time.Hour,
			RequireTemplate: true, MinFree: 1 << 30,
		},
		Topics:   Topics{AutoCreate: true},
		List:     List{Capacity: 1_000_000, FalsePositives: 0.001, Cache: 64 << 20},
		Queue:    Queue{ResultDelay: 10 * time.Millisecond, Retention: 62 * 24 * time.Hour, Cache: 64 << 20},
		Retry:    Retry{Least: time.Minute, First: 30 * time.Minute, Max: 4 * time.Hour},
		Shutdown: Shutdown{Grace: 20 * time.Second},
		Log:      Log{Level: "info", Format: "text"},
	}
}
