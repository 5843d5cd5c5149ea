package serviceaccount_test

import "github.com/countersign/countersign/internal/testing/world"

var must = world.Must
