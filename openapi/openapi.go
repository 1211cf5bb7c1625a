// Package openapi holds the contracts of the public interfaces, embedded.
//
// v1.yaml is the OpenAPI 3.1 document of the /v1 API and leads: the server's
// types and its interface are generated from it, requests are validated by it,
// and every response in every API test is compared with it. A change of the API
// starts here.
//
// open311.yaml only describes the Open311 endpoints: what those must take from
// clients in the field is more than a schema can say.
package openapi

import _ "embed"

//go:embed v1.yaml
var v1 []byte

// V1 returns the contract of the /v1 API as YAML. The caller may change the copy.
func V1() []byte { return append([]byte(nil), v1...) }

//go:embed open311.yaml
var open311 []byte

// Open311 returns the description of the Open311 endpoints as YAML. The caller
// may change the copy.
func Open311() []byte { return append([]byte(nil), open311...) }
