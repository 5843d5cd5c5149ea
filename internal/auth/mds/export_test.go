package mds

import "net/http"

// SetClients replaces the clients, for servers of tests.
func (s *Service) SetClients(blobs, lists *http.Client) { s.client, s.lists = blobs, lists }
