package directory_test

import "github.com/countersign/countersign/internal/testing/world"

var must = world.Must

const people = "/countersign/people"
