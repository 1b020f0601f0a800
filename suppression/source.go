package suppression

// Source says by which road a row came. The numbers are stored on disk: never renumber.
type Source uint8

const (
	ByAPI      Source = 1
	ByOneClick Source = 2
	ByPage     Source = 3
	ByMail     Source = 4
	BySMS      Source = 5
	ByBounce   Source = 6
	ByReport   Source = 7
	ByProvider Source = 8
	ByImport   Source = 9
	ByOperator Source = 10
)

var sources = [...]string{
	ByAPI: "api", ByOneClick: "one_click", ByPage: "page", ByMail: "mail", BySMS: "sms", ByBounce: "bounce",
	ByReport: "report", ByProvider: "provider", ByImport: "import", ByOperator: "operator",
}

// String is the source's name, as calls and exports show it; "" if it has none, such as one of a newer version.
func (s Source) String() string {
	if int(s) < len(sources) {
		return sources[s]
	}
	return ""
}
