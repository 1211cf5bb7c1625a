// Package notify decides who hears what of a report, and tells them over Web Push
// and e-mail: its followers, the followers of the area around it, whoever is
// responsible for it, and those who wait for a code.
//
// [Followers] keeps who follows what: push at once, an e-mail address after its
// code. A [Notifier] carries out the jobs that changes leave behind. A change
// leaves one job, "tell"; that makes one job for each receiver by one statement
// and ends itself in the same transaction, so nobody is told twice because it
// ran twice. What is sent is read when it is sent: jobs hold ids only, and a
// code exists only from the moment of its mail.
//
// Notices to followers say service, municipality, status and reference. They
// hold no word that people wrote, no name, address or position. Of a private
// report hear only those who follow it itself, which takes the right to read it.
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
