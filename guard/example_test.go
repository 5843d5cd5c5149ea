package guard_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/guard"
)

// A service lets a transfer through only if a person signed it, and only once.
func ExampleGuard_Require() {
	t := countersigntest.NewExample()
	defer t.End()
	server := countersigntest.Start(t)
	_, ada := server.Administrator(t, "Analytical Engines")

	g, err := guard.New(guard.Config{Server: server.URL, Origin: "https://pay.example.org"})
	if err != nil {
		log.Fatal(err)
	}
	transfer := func(w http.ResponseWriter, r *http.Request) {
		signed, _ := guard.From(r.Context())
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s signed %s", signed.Username, body)
	}
	payments := httptest.NewServer(g.Require(http.HandlerFunc(transfer)))
	defer payments.Close()

	const body = `{"amount":"100.00","to":"Babbage"}`
	session := server.Session(t, ada)
	token, err := session.SignFor(context.Background(), http.MethodPost, "https://pay.example.org/transfers", []byte(body))
	if err != nil {
		log.Fatal(err)
	}
	for _, sent := range []string{`{"amount":"900.00","to":"Babbage"}`, body, body} {
		r, err := http.NewRequest(http.MethodPost, payments.URL+"/transfers", strings.NewReader(sent))
		if err != nil {
			log.Fatal(err)
		}
		r.Header.Set(api.HeaderUserAction, token)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			log.Fatal(err)
		}
		defer res.Body.Close()
		fmt.Print(res.StatusCode)
		if res.StatusCode == http.StatusOK {
			answer, _ := io.ReadAll(res.Body)
			fmt.Printf(" %s", answer)
		}
		fmt.Println()
	}
	// Output:
	// 403
	// 200 administrator@example.org signed {"amount":"100.00","to":"Babbage"}
	// 400
}
