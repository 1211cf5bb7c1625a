// Package notify tells people what happens to the reports that they follow, over
// Web Push and e-mail.
//
// A [Pusher] and a [Mailer] send one message to one receiver. They answer with
// errors that a job's handler can return as they are: marked by [job.Permanent]
// where no later attempt can help, by [job.RetryAfter] where the other side asked
// to wait, and plain where trying again is right. [ErrGone] says that a push
// subscription is dead and to be removed.
//
// No error and no log line of this package holds an e-mail address, a push
// endpoint, a subject or a text: they say what was attempted and how the other
// side answered, by its number.
//
// Limits: a message may arrive twice if the process dies between its delivery
// and the note of it. E-mail repeats its Message-ID then; for push, a Topic makes
// the later one replace the earlier.
package notify
