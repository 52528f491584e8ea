module spaces-identity.dev/testdata/bench

go 1.26.0
