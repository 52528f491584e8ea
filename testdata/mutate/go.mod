module spaces-identity.dev/testdata/mutate

go 1.26
