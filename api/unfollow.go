package api

import (
	"html/template"
	"net/http"

	"github.com/gin-gonic/gin"
)

// unfollowPage asks before it ends anything: mail scanners open every link.
var unfollowPage = template.Must(template.New("unfollow").Parse(`<!doctype html>
<html lang="{{.Lang}}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Kantsten</title>
<p>{{.Text}}</p>
{{if .Button}}<form method="post"><button>{{.Button}}</button></form>{{end}}
</html>
`))

// unfollowText is what the page says.
type unfollowText struct{ Lang, Text, Button string }

var (
	unfollowAsks = map[string]unfollowText{
		"sv": {"sv", "Vill du sluta få besked om det här?", "Sluta följa"},
		"en": {"en", "Do you want to stop being told about this?", "Stop following"},
	}
	unfollowDone = map[string]unfollowText{
		"sv": {"sv", "Du får inga fler besked om det här. Adressen är borttagen.", ""},
		"en": {"en", "You are told no more about this. The address is deleted.", ""},
	}
)

// Unfollow are the routes behind the link in every mail to a follower: a page
// that asks, and the POST that ends the subscription without a question, which
// mail programs send by themselves (RFC 8058).
func (s *Server) Unfollow(e *Edge) []Route {
	const path = "/unfollow/:secret"
	return []Route{
		{Method: http.MethodGet, Path: path, Handler: func(c *gin.Context) { showUnfollow(c, unfollowAsks) }},
		{Method: http.MethodPost, Path: path, Handler: func(c *gin.Context) {
			if err := s.Followers.Unfollow(c.Request.Context(), c.Param("secret")); err != nil {
				e.writeProblem(c, err)
				return
			}
			showUnfollow(c, unfollowDone)
		}},
	}
}

func showUnfollow(c *gin.Context, texts map[string]unfollowText) {
	h := c.Writer.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Cache-Control", "no-store")
	c.Status(http.StatusOK)
	_ = unfollowPage.Execute(c.Writer, texts[languageOf(c.GetHeader("Accept-Language"))]) // whoever asked is gone
}
