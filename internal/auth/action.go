package auth

// Action is one thing that a route, a command or a job does.
type Action string

// What is open to everybody where the report is public.
const (
	ReadPublic Action = "read-public" // reports, history, routing, photos, services, areas
	File       Action = "file"        // file a report through the v1 API
	Upload     Action = "upload"      // send a photo ahead of its report
	Support    Action = "support"     // "me too"
	Follow     Action = "follow"      // subscribe to a report or an area
	Unfollow   Action = "unfollow"    // end the subscription whose secret is shown
	SignIn     Action = "sign-in"     // ask for a code and use it
)

// What belongs to a person.
const (
	SignOut Action = "sign-out" // end the own session
	ReadOwn Action = "read-own" // list the own reports and subscriptions
	EndOwn  Action = "end-own"  // end an own subscription without its secret
)

// What is done with one report.
const (
	Comment         Action = "comment"           // add text for everybody, "not fixed" included
	AddPhoto        Action = "add-photo"         // add a photo to its history
	Reopen          Action = "reopen"            // bring a closed report back; the 30 days are report's rule
	Withdraw        Action = "withdraw"          // end it as its reporter wishes
	Erase           Action = "erase"             // blank what is personal
	ReadPrivate     Action = "read-private"      // see it though it is private
	ReadContact     Action = "read-contact"      // see the reporter's contact details
	ReadInternal    Action = "read-internal"     // see internal notes and assignees
	AddInternalNote Action = "add-internal-note" // add one
	ChangeStatus    Action = "change-status"
	Edit            Action = "edit"   // correct service, position, attributes
	Assign          Action = "assign" // choose who works on it
	Merge           Action = "merge"  // merge and unmerge; asked for both reports
	HandOver        Action = "hand-over"
	Moderate        Action = "moderate" // hide text and photos
	Answer          Action = "answer"   // write to the reporter
)

// What runs a queue, a jurisdiction, the installation.
const (
	FileByKey             Action = "file-by-key" // file through Open311, which needs an API key
	ReadQueue             Action = "read-queue"  // the queue and the live events of a jurisdiction
	ReadTriage            Action = "read-triage"
	ConfigureJurisdiction Action = "configure-jurisdiction" // services, rules, templates, channel
	ManageStaff           Action = "manage-staff"
	ManageKeys            Action = "manage-keys"
	ManageWebhooks        Action = "manage-webhooks"
	CreateJurisdiction    Action = "create-jurisdiction"
	LoadBoundaries        Action = "load-boundaries"
	ReadJobs              Action = "read-jobs" // parked jobs and why they failed
)

// Actions lists every action, for tests that walk all of them.
func Actions() []Action {
	return []Action{
		ReadPublic, File, Upload, Support, Follow, Unfollow, SignIn,
		SignOut, ReadOwn, EndOwn,
		Comment, AddPhoto, Reopen, Withdraw, Erase,
		ReadPrivate, ReadContact, ReadInternal, AddInternalNote,
		ChangeStatus, Edit, Assign, Merge, HandOver, Moderate, Answer,
		FileByKey, ReadQueue, ReadTriage,
		ConfigureJurisdiction, ManageStaff, ManageKeys, ManageWebhooks,
		CreateJurisdiction, LoadBoundaries, ReadJobs,
	}
}
