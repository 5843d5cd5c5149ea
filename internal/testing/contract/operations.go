package contract

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"
)

// Operation is what the contract says of who may do an operation.
type Operation struct {
	ID         string
	Method     string
	Path       string   // as a template: "/auth/users/{userId}"
	UserAction bool     // it must be signed
	Permission string   // "" for none
	Callers    []string // kinds of caller; nil if it does not say
	Security   []string // names of security schemes; nil: open to all
}

// Operations returns all operations of the contract, by path and method.
func Operations() ([]Operation, error) {
	spec, err := toJSON(text)
	if err != nil {
		return nil, err
	}
	var w struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(spec, &w); err != nil {
		return nil, err
	}
	var all []Operation
	for path, item := range w.Paths {
		for method, raw := range item {
			var in struct {
				OperationID string
				UserAction  bool                  `json:"x-user-action"`
				Permission  *string               `json:"x-permission"`
				Callers     []string              `json:"x-callers"`
				Security    []map[string][]string `json:"security"`
			}
			if err := json.Unmarshal(raw, &in); err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, path, err)
			}
			o := Operation{ID: in.OperationID, Method: strings.ToUpper(method), Path: path, UserAction: in.UserAction, Callers: in.Callers}
			if in.Permission != nil {
				o.Permission = *in.Permission
			}
			for _, s := range in.Security {
				for name := range s {
					o.Security = append(o.Security, name)
				}
			}
			all = append(all, o)
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Path+all[i].Method < all[j].Path+all[j].Method })
	return all, nil
}
