package policy

// Table is a decision table: the built-in matrix with the operator's changes.
type Table struct{}

// Default returns the built-in matrix.
func Default() *Table { return &Table{} }

// With returns the table with cells changed, such as {"sms_stop/service": "allow"}. An error names
// each cell that may not be changed that way.
func (t *Table) With(changes map[string]string) (*Table, error) { panic("contract") }

// Decide gives the verdict for a message to an address that has these rows, in any order.
func (t *Table) Decide(q Query, rows []Row) Verdict { panic("contract") }

// Version names the table's content; equal versions decide alike. It is recorded with each verdict.
func (t *Table) Version() string { panic("contract") }

// ParseChannel, ParseClass and ParseReason read the names used on the wire ("email", "marketing", "unsubscribe_all").
func ParseChannel(s string) (Channel, bool) { panic("contract") }
func ParseClass(s string) (Class, bool)     { panic("contract") }
func ParseReason(s string) (Reason, bool)   { panic("contract") }

func (c Channel) String() string { panic("contract") }
func (c Class) String() string   { panic("contract") }
func (r Reason) String() string  { panic("contract") }
func (a Action) String() string  { panic("contract") }
