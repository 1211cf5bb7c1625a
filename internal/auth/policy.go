package auth

// Resource is what an action is done to, as far as rights depend on it. The
// zero value stands outside every jurisdiction.
type Resource struct {
	// Jurisdiction is the code of the body that holds it now.
	Jurisdiction string
	// ReportID is the UUID of the report, empty where it is none.
	ReportID string
	// OwnerPersonID is the person who filed it or whose it is, where known.
	OwnerPersonID string
	// Triage: the report waits for the operator to place it.
	Triage bool
	// Private: the report is not shown in public.
	Private bool
}

// reach says on which resources a role holds an action.
type reach uint8

const (
	never          reach = iota // what the table does not name
	everywhere                  // on every resource
	public                      // on what is not private
	publicOrOwn                 // on what is not private, and on one's own
	own                         // on what the person filed or made
	ownReport                   // on the report whose follow token was shown
	ownTenant                   // in the jurisdiction of the grant, never in none
	ownOrAnyTenant              // in the key's jurisdiction; everywhere for a key of none
	noTenant                    // outside every jurisdiction
	inTriage                    // while the report waits in triage
)

// policy is the table of who may do what; never written to. A role also holds
// what the roles that it includes hold, and everybody what Anyone holds. API
// keys are narrowed further by their scopes (scope.go).
var policy = map[Action]map[Role]reach{
	ReadPublic: {Anyone: public},
	File:       {Anyone: everywhere},
	Upload:     {Anyone: everywhere},
	Support:    {Anyone: public},
	Follow:     {Anyone: public, Resident: own, Reporter: ownReport, Crew: ownTenant},
	Unfollow:   {Anyone: everywhere},
	SignIn:     {Anyone: everywhere},

	SignOut: {Resident: everywhere},
	ReadOwn: {Resident: own},
	EndOwn:  {Resident: own},

	Comment:  {Resident: publicOrOwn, Reporter: ownReport, Crew: ownTenant, System: ownTenant, Program: everywhere},
	AddPhoto: {Resident: publicOrOwn, Reporter: ownReport, Crew: ownTenant, System: ownTenant, Program: everywhere},
	Reopen:   {Reporter: ownReport, Crew: ownTenant, System: ownTenant, Program: everywhere},
	Withdraw: {Resident: own, Reporter: ownReport, Handler: ownTenant},
	Erase:    {Resident: own, Reporter: ownReport, Handler: ownTenant, Program: everywhere},

	ReadPrivate:     {Resident: own, Reporter: ownReport, Crew: ownTenant, Operator: inTriage, System: ownTenant, Program: everywhere},
	ReadContact:     {Crew: ownTenant, System: ownTenant, Program: everywhere},
	ReadInternal:    {Crew: ownTenant, System: ownTenant, Program: everywhere},
	AddInternalNote: {Crew: ownTenant, System: ownTenant, Program: everywhere},

	ChangeStatus: {Crew: ownTenant, Operator: inTriage, System: ownTenant, Program: everywhere},
	Edit:         {Handler: ownTenant},
	Assign:       {Handler: ownTenant},
	Merge:        {Handler: ownTenant},
	HandOver:     {Handler: ownTenant, Operator: inTriage, System: ownTenant, Program: everywhere},
	Moderate:     {Handler: ownTenant},
	Answer:       {Handler: ownTenant},

	FileByKey:  {System: ownOrAnyTenant},
	ReadQueue:  {Crew: ownTenant, System: ownTenant},
	ReadTriage: {Operator: everywhere},

	// Where an action is held "outside every jurisdiction", the operator invites
	// other operators and makes keys that file everywhere. A tenant's staff is the
	// tenant's own: an operator who could appoint it would inherit its rights.
	ConfigureJurisdiction: {Administrator: ownTenant, Program: everywhere},
	ManageStaff:           {Administrator: ownTenant, Operator: noTenant, Program: everywhere},
	ManageKeys:            {Administrator: ownTenant, Operator: noTenant, Program: everywhere},
	ManageWebhooks:        {Administrator: ownTenant},
	CreateJurisdiction:    {Operator: everywhere, Program: everywhere},
	LoadBoundaries:        {Operator: everywhere, Program: everywhere},
	ReadJobs:              {Operator: everywhere, Program: everywhere},
}

// covers reports whether the reach extends to res for an actor who holds the
// role by g. An empty name never equals an empty name: a grant without a
// jurisdiction is in no tenant, and nobody owns what has no owner.
func (r reach) covers(a Actor, g Grant, res Resource) bool {
	isOwn := a.PersonID != "" && a.PersonID == res.OwnerPersonID
	inTenant := g.Jurisdiction != "" && g.Jurisdiction == res.Jurisdiction
	switch r {
	case everywhere:
		return true
	case public:
		return !res.Private
	case publicOrOwn:
		return !res.Private || isOwn
	case own:
		return isOwn
	case ownReport:
		return a.ReportID != "" && a.ReportID == res.ReportID
	case ownTenant:
		return inTenant
	case ownOrAnyTenant:
		return inTenant || g.Jurisdiction == ""
	case noTenant:
		return res.Jurisdiction == ""
	case inTriage:
		return res.Triage
	default:
		return false
	}
}
