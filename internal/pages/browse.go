package pages

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// Browse answers a browser that asks for an address where nothing is: with the page that the
// address means, or with a page that says so. It reports false, and answers nothing, if a program
// asks, or if the address is of no use to a person.
func (h *Pages) Browse(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || !prefersHTML(r.Header.Values("Accept")) {
		return false
	}
	if to := h.meant(r); to != "" {
		protect(w.Header())
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusPermanentRedirect)
		return true
	}
	h.page(w, r, h.missing, http.StatusNotFound)
	return true
}

// meant returns where the page is that a request is meant for, "" if there is none: the address
// has slashes at its end, or mail programs have encoded the # of a link.
func (h *Pages) meant(r *http.Request) string {
	path, fragment := r.URL.EscapedPath(), ""
	if at := strings.Index(path, "%23"); at >= 0 {
		path, fragment = path[:at], "#"+path[at+len("%23"):]
	}
	path = strings.TrimRight(path, "/")
	if _, ok := h.pages[path]; !ok { // of our own paths alone, so nobody is sent elsewhere
		return ""
	}
	if r.URL.RawQuery != "" && fragment == "" {
		path += "?" + r.URL.RawQuery
	}
	return path + fragment
}

// prefersHTML reports whether an Accept header (RFC 9110 §12.5.1) names HTML and prefers it to
// JSON, as those of browsers do. Programs that accept anything get JSON.
func prefersHTML(accept []string) bool {
	html, json := 0.0, 0.0
	for _, value := range accept {
		for _, part := range strings.Split(value, ",") {
			kind, params, err := mime.ParseMediaType(part)
			if err != nil {
				continue
			}
			q := 1.0
			if text, given := params["q"]; given {
				if q, err = strconv.ParseFloat(text, 64); err != nil {
					q = 0
				}
			}
			switch {
			case kind == "text/html" || kind == "application/xhtml+xml":
				html = max(html, q)
			case kind == "application/json" || strings.HasSuffix(kind, "+json"):
				json = max(json, q)
			}
		}
	}
	return html > json
}
