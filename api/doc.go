// Package api is the HTTP surface of Kantsten: the v1 JSON API and the Open311
// server, over the same domain services.
//
// The contract in openapi/v1.yaml leads. Types, parameter binding and the
// interface of the handlers ([StrictServerInterface]) are generated from it.
// The [Edge] does once what every call needs, so that a handler is left with one
// call into the domain: it gives each request an id, logs it without personal
// data, turns a panic or an error into a problem document (RFC 9457), caps and
// reads the body, and refuses whatever does not match the contract before a
// handler runs. Calls that create something pass a [limit.Gate] first.
//
// Open311 stands before the router as a [Front], because its paths end in an
// extension; it shares the edge's ids, log lines and recovery, and answers in
// GeoReport's own documents.
//
// gin stands only in this package, and only in the edge: handlers get the
// request's own context, never gin's, which is reused after the response.
//
// Limits: a JSON body has at most 64 KiB, 32 levels and 4,000 values; a multipart
// body at most ten photos of 20 MiB. The package reads no clock for rules and decides
// nothing about who may do what: that is the domain's.
package api
