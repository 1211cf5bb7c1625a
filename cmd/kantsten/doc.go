// Kantsten is the backend behind a fault-report service: anyone reports a fault
// in public space from a phone; Kantsten finds who is responsible, delivers the
// report to them, and tells everyone who follows it what happens.
//
// # A tour of the code
//
// Follow one report on its way; each step is a package that `ls internal` shows.
//
//  1. openapi/v1.yaml is the contract. Package api generates its types and its
//     handler interface from it, and [api.Edge] does once what every call needs:
//     identify the caller, check the request against the contract, turn errors
//     into problem documents. Start at [api.Server.PostReport].
//  2. The handler makes one call: [report.Service.Submit]. Package report holds
//     the life of a report: submit, read, change status, hand over, erase. It
//     knows neither SQL nor HTTP.
//  3. Submit asks routing ([routing.Router.Route]) who is responsible. The answer
//     comes from package geo, a public library: an index of areas in memory,
//     exact in whole units of 1e-7 degree, and from rules, which are data, about who
//     owns what stands there. [routing.Boundaries] takes both over from the database
//     within two seconds, as one [routing.Snapshot]; the indexes are mapped files,
//     checked by hash and built anew where they are lost (routing/rebuild.go).
//  4. Package catalog checks the service and its attributes, package tenant knows
//     the jurisdiction and its channel, package photo makes photos safe before
//     they are kept ([photo.Library.Keep]) in package blob. Photos that come in
//     pieces, by the tus protocol, are put together by package upload. Package
//     screen finds what is personal in the words, which are then held.
//  5. [store.Reports.Create] keeps the report with its history, events and jobs in
//     one transaction. Package store is one implementation for SQLite and
//     PostgreSQL; on SQLite, concurrent writes share a commit (store/group.go).
//  6. The jobs are carried out by package job's runner. Package notify has the
//     handlers: deliver the report to its recipient, find out who follows it, tell
//     them by Web Push or e-mail. What goes to addresses that outsiders can steer
//     goes through package egress.
//  7. A crew answers through [report.Service.ChangeStatus]; package auth says, in
//     one table, who may do what. The change causes jobs again, and so on.
//  8. The same services answer Open311 (api/open311*.go) with the wire types of
//     package open311.
//  9. What comes too often from one address is asked for a little work by package
//     limit, before any of this begins; what was reported before is recognised by
//     package likeness, and one report becomes the case of which others are voices
//     (internal/report/merge.go).
//  10. A map shows the areas by package atlas, which draws tiles and outlines of
//     the borders in force, simplified so that neighbours still meet (geo/arc.go).
//
// This package ties it together: program.go wires, serve.go runs, the other
// files are the commands. Failures that a client may see are [problem.Error]
// everywhere and become HTTP in one place. internal/archtest holds the list of
// what may import what, and why.
package main
