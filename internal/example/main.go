// Command example is a service that moves money only if a person signed exactly this
// transfer with their own passkey. docs/guarding.md explains how to try it.
package main

import (
	"embed"
	"encoding/json"
	"flag"
	"fmt"
	"html/template"
	"log"
	"net"
	"net/http"

	"github.com/countersign/countersign/guard"
)

//go:embed page.html page.js
var files embed.FS

func main() {
	listen := flag.String("listen", "localhost:8090", "address to listen on")
	server := flag.String("countersign", "http://localhost:8080", "public URL of the Countersign server")
	org := flag.String("org", "", "organisation whose users may sign, or-…")
	proxied := flag.Bool("behind-proxy", false, "a reverse proxy calls /countersign/forward-auth?body=upstream for each request")
	flag.Parse()
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	origin := fmt.Sprintf("http://localhost:%d", l.Addr().(*net.TCPAddr).Port)
	g, err := guard.New(guard.Config{Server: *server, Origin: origin, OrgIDs: []string{*org}})
	if err != nil {
		log.Fatal(err)
	}
	require := g.Require
	if *proxied {
		require = g.RequireBehindProxy
	}
	page := template.Must(template.ParseFS(files, "page.html"))
	mux := http.NewServeMux()
	mux.Handle("POST /transfers", require(http.HandlerFunc(transfer)))
	mux.Handle("GET /page.js", http.FileServerFS(files))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		page.Execute(w, map[string]string{"Server": *server, "Org": *org})
	})
	log.Println("listening on", origin)
	log.Fatal(http.Serve(l, mux))
}

// transfer runs only for a signed transfer, and once for each signature.
func transfer(w http.ResponseWriter, r *http.Request) {
	var t struct{ To, Amount string }
	if err := json.NewDecoder(r.Body).Decode(&t); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	action, _ := guard.From(r.Context())
	json.NewEncoder(w).Encode(map[string]string{"to": t.To, "amount": t.Amount, "signedBy": action.Username, "action": action.ActionID})
}
