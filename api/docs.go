package api

import (
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"
	"github.com/kantsten/kantsten/internal/problem"
	swaggerFiles "github.com/swaggo/files/v2"
)

// docRoutes are the contract as JSON, the page that shows it, and a page for
// each kind of problem. Everything comes out of the binary; no page asks
// another host for anything.
func (e *Edge) docRoutes(contract *contract) ([]Route, error) {
	document, err := publicDocument(contract.doc, e.BaseURL)
	if err != nil {
		return nil, err
	}
	routes := []Route{
		{Method: http.MethodGet, Path: "/openapi.json", Handler: serveDocument(document)},
		{Method: http.MethodGet, Path: "/", Handler: func(c *gin.Context) { c.Redirect(http.StatusFound, "/docs") }},
		{Method: http.MethodGet, Path: "/docs", Handler: e.servePage(docsPage)},
		{Method: http.MethodGet, Path: "/docs/init.js", Handler: serveBytes("text/javascript; charset=utf-8", []byte(docsScript))},
		{Method: http.MethodGet, Path: "/problems/:kind", Handler: e.serveProblemKind},
	}
	for name, media := range docsFiles {
		data, err := fs.ReadFile(swaggerFiles.FS, name)
		if err != nil {
			return nil, fmt.Errorf("read the documentation's %s: %w", name, err)
		}
		routes = append(routes, Route{Method: http.MethodGet, Path: "/docs/" + name, Handler: serveBytes(media, data)})
	}
	return routes, nil
}

// publicDocument is the contract as clients get it: with this installation's
// address and without what only the code generator reads.
func publicDocument(doc *openapi3.T, baseURL string) ([]byte, error) {
	own := *doc
	if baseURL != "" {
		own.Servers = openapi3.Servers{{URL: baseURL, Description: "This installation"}}
	}
	data, err := own.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("write the contract as JSON: %w", err)
	}
	var tree any
	if err := json.Unmarshal(data, &tree); err != nil {
		return nil, fmt.Errorf("read the contract again: %w", err)
	}
	dropGeneratorHints(tree)
	return json.Marshal(tree)
}

func dropGeneratorHints(node any) {
	switch node := node.(type) {
	case map[string]any:
		maps.DeleteFunc(node, func(key string, _ any) bool { return strings.HasPrefix(key, "x-go-") })
		for _, v := range node {
			dropGeneratorHints(v)
		}
	case []any:
		for _, v := range node {
			dropGeneratorHints(v)
		}
	}
}

// serveDocument serves the contract, which any web page may read.
func serveDocument(document []byte) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Header("Access-Control-Allow-Origin", "*")
		c.Header("Cache-Control", "no-cache")
		c.Data(http.StatusOK, jsonType, document)
	}
}

func serveBytes(media string, data []byte) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Header("Cache-Control", "public, max-age=3600")
		c.Data(http.StatusOK, media, data)
	}
}

// docsFiles are the only files of the documentation's program that are served.
var docsFiles = map[string]string{
	"swagger-ui.css":       "text/css; charset=utf-8",
	"swagger-ui-bundle.js": "text/javascript; charset=utf-8",
	"favicon-32x32.png":    "image/png",
}

const docsPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Kantsten API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
<noscript>The contract as JSON: <a href="/openapi.json">/openapi.json</a></noscript>
<div id="docs"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/init.js"></script>
</html>
`

const docsScript = `SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  validatorUrl: null,
  requestSnippetsEnabled: true
});
`

// servePage serves a page that may run our own scripts and talk to this
// installation, and do nothing else.
func (e *Edge) servePage(page string) gin.HandlerFunc {
	policy := "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src " +
		strings.Join(e.origins(), " ") + "; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
	return func(c *gin.Context) {
		c.Header("Content-Security-Policy", policy)
		c.Header("Cache-Control", "no-cache")
		c.Data(http.StatusOK, "text/html; charset=utf-8", []byte(page))
	}
}

// origins are where the documentation may send the calls that a reader tries.
func (e *Edge) origins() []string {
	origins := []string{"'self'"}
	if u, err := url.Parse(e.BaseURL); err == nil && u.Host != "" {
		origins = append(origins, u.Scheme+"://"+u.Host)
	}
	return origins
}

var problemPage = template.Must(template.New("problem").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Kind}} · Kantsten API</title>
<h1>{{.Kind}}</h1>
<p>HTTP status {{.Status}} {{.Title}}</p>
<p>{{.Meaning}}</p>
<p>See also <a href="/docs">the documentation</a>.</p>
</html>
`))

// serveProblemKind serves what a problem's type points at.
func (e *Edge) serveProblemKind(c *gin.Context) {
	row, ok := lookupKind(problem.Kind(c.Param("kind")))
	if !ok {
		e.noRoute(c)
		return
	}
	var page strings.Builder
	err := problemPage.Execute(&page, map[string]any{
		"Kind": row.kind, "Status": row.status, "Title": http.StatusText(row.status), "Meaning": row.meaning,
	})
	if err != nil {
		e.writeProblem(c, fmt.Errorf("write the page of problem %s: %w", row.kind, err))
		return
	}
	c.Header("Cache-Control", "public, max-age=3600")
	c.Data(http.StatusOK, "text/html; charset=utf-8", []byte(page.String()))
}
