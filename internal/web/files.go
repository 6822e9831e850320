package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed assets
var assets embed.FS

//go:embed templates
var templates embed.FS

// file is an asset as it is served.
type file struct {
	body        []byte
	contentType string
	digest      string
}

// files are the assets, by their addresses. An address has a digest of what is there,
// so that browsers keep it for ever.
type files struct {
	at    map[string]file   // by address
	where map[string]string // by name
}

func openFiles() (*files, error) {
	f := &files{at: make(map[string]file), where: make(map[string]string)}
	types := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	entries, err := fs.ReadDir(assets, "assets")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		body, err := assets.ReadFile("assets/" + e.Name())
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(body)
		digest := hex.EncodeToString(sum[:6])
		ext := path.Ext(e.Name())
		address := "/assets/" + strings.TrimSuffix(e.Name(), ext) + "." + digest + ext
		f.at[address] = file{body: body, contentType: types[ext], digest: digest}
		f.where[e.Name()] = address
	}
	return f, nil
}

// serveFile answers what is no page: assets, and what browsers and robots ask for.
func (s *Site) serveFile(w http.ResponseWriter, r *http.Request) bool {
	switch r.URL.Path {
	case "/favicon.ico":
		icon := s.files.at[s.files.where["icon.svg"]]
		sendFile(w, r, icon, "public, max-age=86400")
	case "/robots.txt":
		sendText(w, "text/plain; charset=utf-8", "User-agent: *\nDisallow: /v1/\nDisallow: /search\n")
	case "/opensearch.xml":
		sendText(w, "application/opensearchdescription+xml", openSearch(r, s.files.where["icon.svg"]))
	default:
		f, ok := s.files.at[r.URL.Path]
		if !ok {
			return false
		}
		sendFile(w, r, f, "public, max-age=31536000, immutable")
	}
	return true
}

func sendFile(w http.ResponseWriter, r *http.Request, f file, cache string) {
	w.Header().Set("Content-Type", f.contentType)
	w.Header().Set("Cache-Control", cache)
	if !sendTag(w, r, f.digest) {
		w.Write(f.body) //nolint:errcheck // the client is gone
	}
}

func sendText(w http.ResponseWriter, contentType, body string) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "public, max-age=3600")
	w.Write([]byte(body)) //nolint:errcheck // the client is gone
}

// openSearch describes the search to browsers. Its addresses must be whole; the host
// is one that the server answers to.
func openSearch(r *http.Request, icon string) string {
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	host := r.Host
	if host == "" { // HTTP/1.0
		host = "localhost"
	}
	var at strings.Builder
	xml.EscapeText(&at, []byte(scheme+"://"+host)) //nolint:errcheck // a builder takes everything
	return fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<OpenSearchDescription xmlns="http://a9.com/-/spec/opensearch/1.1/">
<ShortName>akin</ShortName>
<Description>Papers that are akin to what you look for</Description>
<InputEncoding>UTF-8</InputEncoding>
<Image width="32" height="32" type="image/svg+xml">%[1]s%[2]s</Image>
<Url type="text/html" method="get" template="%[1]s/search?q={searchTerms}"/>
</OpenSearchDescription>
`, at.String(), icon)
}

// parsePages reads the templates: each page's own file on top of those that all share.
func (s *Site) parsePages() (map[string]*template.Template, error) {
	shared, err := template.New("").Funcs(s.functions()).ParseFS(templates, "templates/shared/*.html")
	if err != nil {
		return nil, err
	}
	entries, err := fs.Glob(templates, "templates/*.html")
	if err != nil {
		return nil, err
	}
	pages := make(map[string]*template.Template)
	for _, name := range entries {
		page, err := shared.Clone()
		if err != nil {
			return nil, err
		}
		if page, err = page.ParseFS(templates, name); err != nil {
			return nil, err
		}
		pages[strings.TrimSuffix(path.Base(name), ".html")] = page
	}
	return pages, nil
}

func (s *Site) functions() template.FuncMap {
	return template.FuncMap{
		"asset":  func(name string) string { return s.files.where[name] },
		"count":  count,
		"papers": papersText,
	}
}

func papersText(n int) string {
	if n == 1 {
		return "1 paper"
	}
	return count(n) + " papers"
}

// count writes a number with its thousands apart.
func count(n int) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
