package server

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/server/web"
	"github.com/countersign/countersign/internal/service/audit"
)

// export is CSV that is read piece by piece: Next returns the next, and io.EOF after the last.
type export interface {
	Next(context.Context) ([]byte, error)
}

// exported answers with what an operation begins, as CSV. It writes it piece by piece, so that its memory does
// not grow with the list.
func (s *Server) exported(begin web.Operation) web.Operation {
	return web.Operation{In: begin.In, Out: reflect.TypeFor[string](), Run: func(w http.ResponseWriter, r *http.Request, who api.Caller) (any, error) {
		log, err := begin.Run(w, r, who)
		if err != nil {
			return nil, err
		}
		return nil, s.sendLog(w, r, who, log.(export))
	}}
}

// sendLog writes all of it. After the first piece, a failure breaks off the answer, so that the
// client cannot take a part for the whole.
func (s *Server) sendLog(w http.ResponseWriter, r *http.Request, who api.Caller, log export) error {
	piece, err := nextPiece(r, log)
	if err != nil {
		return err
	}
	to := logWriter{to: w, control: http.NewResponseController(w), json: wantsJSON(r)}
	cut, is := log.(*audit.Export)
	to.begin(is && cut.Truncated)
	for ; err == nil; piece, err = nextPiece(r, log) {
		if piece, err = to.form(piece); err != nil {
			break
		}
		if to.write(piece) != nil {
			return nil // the client is gone
		}
	}
	if !errors.Is(err, io.EOF) {
		s.log.Error("a list broke off", "id", who.RequestID, "error", err)
		panic(http.ErrAbortHandler)
	}
	to.end()
	return nil
}

func nextPiece(r *http.Request, log export) ([]byte, error) {
	ctx, cancel := web.OperationContext(r)
	defer cancel()
	return log.Next(ctx)
}

// wantsJSON reports whether the client asks for JSON, or is the TypeScript SDK, which reads every
// answer as JSON. Only that SDK sends its version.
func wantsJSON(r *http.Request) bool {
	if r.Header.Get("X-Dfns-Sdk-Version") != "" {
		return true
	}
	for kind := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		mediaType, parameters, err := mime.ParseMediaType(kind)
		weight, weighed := parameters["q"]
		if err == nil && mediaType == "application/json" && !(weighed && strings.Trim(weight, "0.") == "") {
			return true
		}
	}
	return false
}

// logWriter writes pieces of CSV, as they are or as one JSON string.
type logWriter struct {
	to      http.ResponseWriter
	control *http.ResponseController
	json    bool
	quoted  []byte
}

func (l *logWriter) begin(truncated bool) {
	h := l.to.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	if truncated {
		h.Set("X-Dfns-Result-Truncated", "true")
	}
	if l.json {
		h.Set("Content-Type", "application/json; charset=utf-8")
		io.WriteString(l.to, `"`)
	}
}

// form returns a piece as it is written.
func (l *logWriter) form(piece []byte) (formed []byte, err error) {
	if !l.json {
		return piece, nil
	}
	if l.quoted, err = jsontext.AppendQuote(l.quoted[:0], piece); err != nil {
		return nil, err
	}
	return l.quoted[1 : len(l.quoted)-1], nil
}

// write gives the client as long to read each piece as it has for other answers.
func (l *logWriter) write(piece []byte) error {
	l.control.SetWriteDeadline(time.Now().Add(writeTimeout)) // fails without a connection, as in tests
	_, err := l.to.Write(piece)
	return err
}

func (l *logWriter) end() {
	if l.json {
		io.WriteString(l.to, `"`)
	}
}
