package auth

// Role is what somebody is to a resource. A person can hold several at once.
type Role string

// The roles of the design, and Program.
const (
	Anyone        Role = "anyone"        // whoever asks
	Resident      Role = "resident"      // a person with a verified address
	Reporter      Role = "reporter"      // who shows the follow token of the report in question
	Crew          Role = "crew"          // works on the reports of one jurisdiction
	Handler       Role = "handler"       // runs the reports of one jurisdiction
	Administrator Role = "administrator" // runs one jurisdiction
	Operator      Role = "operator"      // runs the installation, outside every jurisdiction
	System        Role = "system"        // a program with an API key
	// Program is Kantsten itself: its own jobs, and its command line, which
	// whoever holds the machine may use. It cannot be granted.
	Program Role = "program"
)

// Grant is a staff role that a person holds, or the place of an API key. The
// jurisdiction is its code; it is empty for operators and for a key that files
// reports everywhere.
type Grant struct {
	Role         Role
	Jurisdiction string
}

// Grantable reports whether a person can be given this grant: a tenant's role
// needs a jurisdiction, and the operator stands outside all of them.
func (g Grant) Grantable() bool {
	switch g.Role {
	case Crew, Handler, Administrator:
		return g.Jurisdiction != ""
	case Operator:
		return g.Jurisdiction == ""
	default:
		return false
	}
}

// includes lists the role and those whose rights it inherits. Only a tenant's
// own roles inherit: crew ⊂ handler ⊂ administrator.
func (r Role) includes() []Role {
	switch r {
	case Administrator:
		return []Role{Administrator, Handler, Crew}
	case Handler:
		return []Role{Handler, Crew}
	default:
		return []Role{r}
	}
}
