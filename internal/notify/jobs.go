package notify

// The kinds of jobs that this package makes itself; the others are made by the
// report and auth packages, and [ChannelPush] and [ChannelMail] by telling.
const (
	// JobFollowMail sends the code of a pending subscription. Payload: its id.
	JobFollowMail = "follow-mail"
)

// idJob is the payload of a job about one thing.
type idJob struct {
	ID string `json:"id"`
}
