package format

// ID names a batch.
type ID = [16]byte

// State of a recipient. The numbers are stored on disk: never renumber.
type State uint8

// The states, in the order of a recipient's life.
const (
	Queued     State = 1 // accepted, waiting or in hand
	Retrying   State = 2 // a temporary failure; waits for its next try
	Sent       State = 3 // final: the provider took it
	Suppressed State = 4 // final
	Failed     State = 5 // final
	Expired    State = 6 // final
	Cancelled  State = 7 // final
	Invalid    State = 8 // final, never accepted
	Duplicate  State = 9 // final, never accepted
	states           = 10
)

var stateNames = [states]string{Queued: "queued", Retrying: "retrying", Sent: "sent", Suppressed: "suppressed", Failed: "failed",
	Expired: "expired", Cancelled: "cancelled", Invalid: "invalid", Duplicate: "duplicate"}

// String is the state's name as it stands in the API, "" for a number that is none.
func (s State) String() string {
	if s < states {
		return stateNames[s]
	}
	return ""
}

// ParseState reads what String writes.
func ParseState(s string) (State, bool) {
	for i, name := range stateNames {
		if name == s && s != "" {
			return State(i), true
		}
	}
	return 0, false
}

// Valid reports whether s is one of the states.
func (s State) Valid() bool { return Queued <= s && s < states }

// Final reports whether nothing more becomes of a recipient in this state.
func (s State) Final() bool { return s >= Sent }

// Counts holds a number per State.
type Counts [states]uint64

// Add adds other to c, state by state.
func (c *Counts) Add(other Counts) {
	for s, n := range other {
		c[s] += n
	}
}

// Control is what an operator wants of a batch. The numbers are stored on disk: never renumber.
type Control uint8

// The controls. Stopped cannot be left.
const (
	Running Control = 0
	Paused  Control = 1 // nothing of it is handed out, not even to expire
	Stopped Control = 2 // cancelled: all that is open is handed out to be recorded as such
)
